# SPDX-License-Identifier: Apache-2.0
"""Runs a Python function in a place of the cluster: in its cgroup, then in its network namespace, as a process of its
own.

The process joins the cgroup before it makes a socket, because the socket hooks go by the cgroup a socket was made in.
"""

import ctypes
import multiprocessing
import os
import select
import signal
import sys
import traceback

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)

_stop_asked = False


def stop_asked():
    """True in a task once its parent has called finish(): loops that run until told otherwise ask it."""
    return _stop_asked


def _ask_to_stop(_signal, _frame):
    global _stop_asked
    _stop_asked = True


class TaskFailed(Exception):
    pass


class Task:
    """A running function. Its `report` argument sends values to receive(); what it returns is the answer of result()."""

    def __init__(self, place, function, arguments):
        self.name = f"{function.__name__} in {place.name}"
        self.pipe, child_pipe = multiprocessing.Pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self.pipe.close()
            _run_child(place, function, arguments, child_pipe)
        child_pipe.close()
        self.pidfd = os.pidfd_open(self.pid)

    def receive(self, timeout):
        """The next value the function reported."""
        kind, value = self._message(timeout)
        if kind != "report":
            raise TaskFailed(f"{self.name} ended where a report was expected")
        return value

    def result(self, timeout):
        """Waits for the function to return, skipping reports."""
        kind = "report"
        while kind == "report":
            kind, value = self._message(timeout)
        self.kill()
        return value

    def finish(self, timeout):
        """Asks the function to end (see stop_asked) and answers its result."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)
        return self.result(timeout)

    def kill(self):
        if self.pid is None:
            return
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.pipe.close()
        self.pid = None

    def _message(self, timeout):
        if not self.pipe.poll(timeout):
            raise TaskFailed(f"{self.name} said nothing for {timeout} s")
        try:
            kind, value = self.pipe.recv()
        except EOFError:
            raise TaskFailed(f"{self.name} died without a word") from None
        if kind == "error":
            raise TaskFailed(f"{self.name} failed:\n{value}")
        return kind, value


def _run_child(place, function, arguments, pipe):
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.signal(signal.SIGTERM, _ask_to_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        enter(place)
        if "report" in function.__code__.co_varnames[: function.__code__.co_argcount]:
            value = function(*arguments, report=lambda item: pipe.send(("report", item)))
        else:
            value = function(*arguments)
        pipe.send(("result", value))
    except BaseException:
        pipe.send(("error", traceback.format_exc()))
    os._exit(0)


def enter(place):
    """Moves this process to the place: cgroup first, then network namespace."""
    if place.cgroup:
        with open(f"{place.cgroup}/cgroup.procs", "w") as procs:
            procs.write("0")
    with open(place.netns) as netns:
        if libc.setns(netns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {place.netns}")


def wait_readable(sockets, timeout):
    return select.select(sockets, [], [], timeout)[0]
