"""The process that the services are forked from: what all of them import is in memory once, and imported once.

``python -m penstock_cli.supervisor.nursery FD PADDING`` serves the socket FD (SOCK_SEQPACKET). A request is a
module's name with a descriptor for its output; the answers are ``{"started": pid}`` and, later,
``{"ended": pid, "code": n}``. When the socket closes, the nursery ends its children and itself.

It has one thread and no event loop, and nothing it imports starts a thread: that makes forking safe.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

# What at least four of the five services import before they are ready.
COMMON: Final = (
    "asyncio",
    "uvloop",
    "grpc.aio",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "penstock_kit.cache",
    "penstock_kit.database",
    "penstock_kit.grpc",
    "penstock_kit.settings",
    "penstock_kit.telemetry",
)
_MAX_REQUEST: Final = 4_096
_PR_SET_PDEATHSIG: Final = 1
_ARGUMENTS_START, _ARGUMENTS_END = 45, 46  # fields of /proc/self/stat after the name
_GRACE_SECONDS: Final = 25.0


class Nursery:
    """Forks on request and tells of every end."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._wake, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        self._wakes = wakes

    def serve(self) -> str:
        """Serve until the socket closes (returns an empty string), or, in a child, return the module to become."""
        while True:
            ready, _, _ = select.select([self._control, self._wake], [], [])
            if self._wake in ready:
                self._reap()
            if self._control in ready:
                data, descriptors, _, _ = socket.recv_fds(self._control, _MAX_REQUEST, 1)
                if not data:
                    self._end_children()
                    return ""
                if self._forked(descriptors[0]):
                    return data.decode()

    def _forked(self, output: int) -> bool:
        """Fork; True in the child, which has left everything of the nursery's behind."""
        pid = os.fork()
        if pid == 0:
            self._leave(output)
            return True
        os.close(output)
        self._children.add(pid)
        self._tell({"started": pid})
        return False

    def _leave(self, output: int) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._control.close()
        os.close(self._wake)
        os.close(self._wakes)
        for standard in (1, 2):
            os.dup2(output, standard)
        os.close(output)
        os.setpgid(0, 0)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._wake, 512):
                pass
        for pid in tuple(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._children.discard(pid)
                self._tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, int]) -> None:
        with suppress(OSError):  # the supervisor is gone; the closed socket says so too
            self._control.send(json.dumps(message).encode())

    def _end_children(self) -> None:
        """The supervisor has gone without stopping its services: they must not hold the ports."""
        end = time.monotonic() + _GRACE_SECONDS
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._children:
                os.kill(pid, number)
            while self._children and time.monotonic() < end:
                select.select([self._wake], [], [], 0.5)
                self._reap_quietly()

    def _reap_quietly(self) -> None:
        for pid in tuple(self._children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._children.discard(pid)


def main() -> None:
    """Import what is common, serve, and in a child become the service."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in COMMON:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child must not touch, and so copy, the pages all of them share
    module = Nursery(control).serve()
    if module:
        _die_with_parent()
        _take_name(module)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _nothing(number: int, frame: object) -> None:
    """Exists so that SIGCHLD is not ignored, and wakes the select."""


def _die_with_parent() -> None:
    """Have the kernel send SIGTERM when the nursery ends, however it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _take_name(module: str) -> None:
    """Show up as ``python -m module`` in process lists: the command line is overwritten where the kernel reads it."""
    sys.argv = [module]
    sys.orig_argv = [sys.executable, "-m", module]
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[_ARGUMENTS_START]), int(fields[_ARGUMENTS_END])
    text = b"\0".join(word.encode() for word in sys.orig_argv)
    if start and len(text) < end - start:
        ctypes.memmove(start, text + b"\0" * (end - start - len(text)), end - start)


if __name__ == "__main__":
    main()
