# SPDX-License-Identifier: Apache-2.0
"""Starts the test API server for a Python test, speaks with it, and ends it."""

import json
import os
import subprocess

_HERE = os.path.dirname(os.path.abspath(__file__))


class CommandFailed(Exception):
    pass


class ApiServer:
    """The running server. Use it in a `with`; `prefix` runs it somewhere else (ip netns exec NAME)."""

    def __init__(self, *arguments, prefix=()):
        self._process = subprocess.Popen([*prefix, "/usr/bin/python3", "-B", _HERE, *arguments], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self.ready = self._read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        """port, url, ca_file, token_file, kubeconfig ... of the ready line."""
        try:
            return self.__dict__["ready"][name]
        except KeyError:
            raise AttributeError(name) from None

    def command(self, command, **values):
        """The answer of the server; raises CommandFailed with its words if it refuses."""
        self._process.stdin.write(json.dumps({"command": command, **values}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if not answer["ok"]:
            raise CommandFailed(f"{command}: {answer['error']}")
        if "ca_file" in answer:  # of start or restart
            self.ready.update(answer)
        return answer

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise CommandFailed(f"the API server ended with status {self._process.wait()}; what it said is above")
        return json.loads(line)

    def close(self):
        """Ends it by ending its input, and by force if that is not heard."""
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
