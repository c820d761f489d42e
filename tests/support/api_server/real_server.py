# SPDX-License-Identifier: Apache-2.0
"""A real kube-apiserver and its etcd behind the same control protocol, as far as that can be: objects, versions, stop
and start. Faults it has none. The programs come from the folder that KUBEBUILDER_ASSETS names.
"""

import asyncio
import ctypes
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time
import urllib.request

from commands import Commands
from real_objects import Objects, RequestFailed

_PROXY_USER = "system:kube-proxy"  # the user a stock cluster binds to system:node-proxier
_START_SECONDS = 60


def programs():
    """(kube-apiserver, etcd). Raises RuntimeError with words when they are not there."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        raise RuntimeError("KUBEBUILDER_ASSETS is not set; it is to name a folder with kube-apiserver and etcd")
    found = [pathlib.Path(folder) / name for name in ("kube-apiserver", "etcd")]
    for path in found:
        if not os.access(path, os.X_OK):
            raise RuntimeError(f"KUBEBUILDER_ASSETS names {folder}, but {path} is no program there")
    return found


class RealServer(Commands):
    """Owns both processes; end() ends them. `files` makes what kubeconfigs and TLS need."""

    def __init__(self, files, folder, address, port):
        super().__init__()
        self._apiserver, self._etcd = programs()
        self._files, self._folder, self._address = files, pathlib.Path(folder), address
        self._port = port or _free_port(address)
        self._etcd_port = _free_port("127.0.0.1")
        self._processes = {}
        self._admin = secrets.token_urlsafe(24)
        self._kubeconfigs = {"kubeconfig": {}}
        self.objects = Objects(address, self._port, files.ca_file, self._admin)

    def begin(self):
        token = self._files.token_file
        token.write_text(secrets.token_urlsafe(24), encoding="ascii")
        (self._folder / "tokens.csv").write_text(
            f'{self._admin},admin,1,"system:masters"\n{token.read_text(encoding="ascii")},{_PROXY_USER},2\n', encoding="ascii")
        self._certificate = self._files.server_certificate()
        self._run("etcd", [self._etcd, "--data-dir", self._folder / "etcd", "--listen-client-urls", self._etcd_url(),
                           "--advertise-client-urls", self._etcd_url(), "--listen-peer-urls", "http://127.0.0.1:0",
                           "--unsafe-no-fsync"])
        try:
            self._start_apiserver()
        except BaseException:
            self.end()
            raise

    def end(self):
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def _etcd_url(self):
        return f"http://127.0.0.1:{self._etcd_port}"

    def _run(self, name, words):
        with open(self._folder / f"{name}.log", "ab") as log:
            self._processes[name] = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                     preexec_fn=_end_with_parent)

    def _start_apiserver(self):
        certificate, key = self._certificate
        self._run("kube-apiserver", [
            self._apiserver, "--etcd-servers", self._etcd_url(), "--bind-address", self._address,
            "--secure-port", self._port, "--tls-cert-file", certificate, "--tls-private-key-file", key,
            "--client-ca-file", self._files.client_authority.certificate, "--token-auth-file", self._folder / "tokens.csv",
            "--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount",
            "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key,
            "--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.96.0.0/12,fd00:10:96::/108"])
        self._wait_ready()

    def _wait_ready(self):
        end = time.monotonic() + _START_SECONDS
        while True:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with status {process.returncode}; see {self._folder / name}.log")
            try:
                self.objects.request("GET", "/readyz")
                return
            except (OSError, RequestFailed) as error:
                if time.monotonic() > end:
                    raise RuntimeError(f"kube-apiserver is not ready after {_START_SECONDS} s: {error}") from None
            time.sleep(0.1)

    def ready(self):
        host = f"[{self._address}]" if ":" in self._address else self._address
        url = f"https://{host}:{self._port}"
        for name, choices in self._kubeconfigs.items():
            self._files.kubeconfig(name, **{"server": url, **choices})
        return {"port": self._port, "host": self._address, "url": url, "ca_file": str(self._files.ca_file),
                "token_file": str(self._files.token_file), "client_certificate": str(self._files.client_certificate),
                "client_key": str(self._files.client_key), "kubeconfig": self._files.path("kubeconfig"),
                "service_account": self._files.service_account(), "real": True}

    # Commands. Those that are not here are answered with the list of those that are.

    def do_put(self, object):
        return {"version": int(self.objects.put(object)["metadata"]["resourceVersion"])}

    def do_delete(self, resource, name, namespace="default"):
        self.objects.delete(resource, namespace, name)
        return {"version": int(self.objects.list(resource)["metadata"]["resourceVersion"])}

    def do_get(self, resource, name, namespace="default"):
        return {"object": self.objects.get(resource, namespace, name)}

    def do_list(self, resource):
        answer = self.objects.list(resource)
        return {"objects": answer["items"], "version": int(answer["metadata"]["resourceVersion"])}

    def do_events(self):
        return self.do_list("events")

    def do_load(self, file):
        """The objects are created anew, so their versions differ from the recorded ones; `refused` says which the server
        would not have, and why.
        """
        content = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
        refused = []
        for item in content["items"]:
            try:
                self.objects.put({"kind": content["kind"].removesuffix("List"), "apiVersion": content["apiVersion"], **item})
            except RequestFailed as error:
                refused.append(str(error))
        return {"objects": len(content["items"]) - len(refused), "refused": refused}

    def do_compact(self, version=None):
        """Compacts etcd. The server's watch cache knows what it knows until a restart."""
        version = version or int(self.objects.list("services")["metadata"]["resourceVersion"])
        request = urllib.request.Request(f"{self._etcd_url()}/v3/kv/compaction", method="POST",
                                         data=json.dumps({"revision": str(version), "physical": True}).encode())
        with urllib.request.urlopen(request, timeout=30):
            return {"version": version}

    def do_kubeconfig(self, **choices):
        name = choices.pop("name", "kubeconfig")
        self._kubeconfigs[name] = choices
        self.ready()
        return {"kubeconfig": self._files.path(name)}

    def do_stop(self):
        process = self._processes.pop("kube-apiserver")
        process.kill()
        process.wait()

    async def do_start(self, port=None):
        self._port = (port or _free_port(self._address)) if port is not None else self._port
        self.objects = Objects(self._address, self._port, self._files.ca_file, self._admin)
        await asyncio.to_thread(self._start_apiserver)
        return self.ready()

    async def do_restart(self, other_port=False):
        self.do_stop()
        return await self.do_start(0 if other_port else None)

    def do_freeze(self):
        self._processes["kube-apiserver"].send_signal(signal.SIGSTOP)

    def do_thaw(self):
        self._processes["kube-apiserver"].send_signal(signal.SIGCONT)


def _end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def _free_port(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]
