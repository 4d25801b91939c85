"""The process that the services are forked from: what all of them import is in memory once, and imported once.

``python -m penstock_cli.supervisor.fork_server FD PADDING`` imports what is common, then serves the socket FD
(SOCK_SEQPACKET). A request is JSON: a module's name and what is its own in the environment. With it come a descriptor
for its output and those that the environment names. The process that becomes the module is handed to the supervisor as
its own child, tells its process id, and the fork server may end: pages that nobody writes to stay shared among the
services.

It has one thread and no event loop, and nothing it imports starts a thread: that makes forking safe.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from penstock_cli.settings import change_environment
from penstock_cli.supervisor.subreaper import terminate_with_parent

# What at least three of the five services import before they are ready. What one imports by itself is in its memory
# alone, and unmarshalling it changes the counts of texts all over the shared pages, which are copied then.
COMMON: Final = (
    "asyncio",
    "encodings.idna",
    "uvloop",
    "grpc.aio",
    "penstock_kit.database.asynchronous",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "penstock.feature.v1.feature_pb2_grpc",
    "penstock.llm.v1.llm_pb2_grpc",
    "penstock_kit.bootstrap",
    "penstock_kit.cache",
    "penstock_kit.database",
    "penstock_kit.database.metrics",
    "penstock_kit.database.retention",
    "penstock_kit.fair_turns",
    "penstock_kit.grpc",
    "penstock_kit.outbound.destinations",
    "penstock_kit.settings",
    "penstock_kit.telemetry",
    "penstock_kit.text.reading",
    "penstock_kit.yaml_document",
)
# structlog imports it, where it is installed, for a console output that services do not use.
_UNUSED: Final = "rich"
_MAX_REQUEST: Final = 4_096
_MOST_DESCRIPTORS: Final = 8
_ARGUMENTS_START, _ARGUMENTS_END = 45, 46  # fields of /proc/self/stat after the name
_REPARENTING_SECONDS: Final = 5.0


class ForkServer:
    """Forks on request. `supervisor` is the process id of the parent, which adopts what is forked."""

    def __init__(self, control: socket.socket, *, supervisor: int) -> None:
        self._control = control
        self._supervisor = supervisor

    def serve(self) -> str:
        """Serve until the socket closes (returns an empty string), or, in a child, return the module to become."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._control, _MAX_REQUEST, _MOST_DESCRIPTORS)
            if not data:
                return ""
            output, *handed = descriptors
            middle = os.fork()
            if middle == 0:
                self._detach(output)
                return _prepared(json.loads(data), handed)
            for descriptor in descriptors:
                os.close(descriptor)
            os.waitpid(middle, 0)

    def _detach(self, output: int) -> None:
        """Become a process of the supervisor's that has left everything of the fork server's behind."""
        _double_fork()
        self._await_reparenting()
        terminate_with_parent()
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for standard in (1, 2):
            os.dup2(output, standard)
        os.close(output)
        self._control.send(str(os.getpid()).encode())
        self._control.close()

    def _await_reparenting(self) -> None:
        """Return when the supervisor is the parent; end this process when somebody else adopts it."""
        end = time.monotonic() + _REPARENTING_SECONDS
        while os.getppid() != self._supervisor:
            if time.monotonic() > end:
                os._exit(1)
            time.sleep(0.0005)


def _prepared(request: Mapping[str, Any], handed: Sequence[int]) -> str:
    """Put what is the service's own into its environment; return its module."""
    change_environment(request["environment"])
    change_environment({name: str(number) for name, number in zip(request["descriptors"], handed, strict=True)})
    module: str = request["module"]
    return module


def main(arguments: Sequence[str]) -> None:
    """Import what is common, serve, and in a child become the service."""
    descriptor, _padding = arguments
    supervisor = os.getppid()
    terminate_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(descriptor))
    _import(COMMON)
    module = ForkServer(control, supervisor=supervisor).serve()
    if not module:
        os._exit(0)  # there is nothing to finish, and taking all modules down one by one takes a while
    gc.enable()
    _set_process_title(module)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _import(names: Sequence[str]) -> None:
    """Import `names`, with nothing left for a collection in a child to touch, and so copy, in the shared pages."""
    gc.disable()
    sys.modules[_UNUSED] = None  # pyright: ignore[reportArgumentType] - how Python says: not to be found
    for name in names:
        importlib.import_module(name)
    del sys.modules[_UNUSED]
    gc.freeze()


def _double_fork() -> None:
    """Go on in a child of this process, which ends."""
    if os.fork() != 0:
        os._exit(0)


def _set_process_title(module: str) -> None:
    """Show up as ``python -m module`` in process lists: the command line is overwritten where the kernel reads it."""
    sys.argv = [module]
    sys.orig_argv = [sys.executable, "-m", module]
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[_ARGUMENTS_START]), int(fields[_ARGUMENTS_END])
    text = " ".join(sys.orig_argv).encode()
    if start and len(text) + 1 < end - start:
        # The kernel takes what doesn't end in a zero byte as one text, up to the first zero byte in it.
        ctypes.memmove(start, text + b"\0" * (end - start - len(text) - 1) + b".", end - start)


if __name__ == "__main__":
    main(sys.argv[1:])
