"""Launches services by forking them from the nursery; see :mod:`penstock_cli.supervisor.nursery`."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Final

from penstock_cli.supervisor.launch import Child, Launcher
from penstock_cli.supervisor.service import Service

# Room for the longest command line of a child in that of the nursery.
_PADDING: Final = "-" * 64
_START_SECONDS: Final = 30.0
_END_SECONDS: Final = 5.0


class NurseryLauncher:
    """Forks from one nursery, which is made anew when it has died; without one, `fallback` launches.

    `say` hears, once, why there is none.
    """

    def __init__(self, environment: Mapping[str, str], *, fallback: Launcher, say: Callable[[str], object]) -> None:
        self._environment = environment
        self._fallback = fallback
        self._say = say
        self._lock = threading.Lock()
        self._nursery: _NurseryProcess | None = None
        self._given_up = False

    def launch(self, service: Service) -> Child:
        """Start `service`."""
        with self._lock:
            child = self._forked(service.module) if service.module and not self._given_up else None
        return child or self._fallback.launch(service)

    def close(self) -> None:
        """End the nursery."""
        with self._lock:
            if self._nursery is not None:
                self._nursery.close()
        self._fallback.close()

    def _forked(self, module: str) -> Child | None:
        if self._nursery is not None and self._nursery.dead:
            self._nursery.close()
            self._nursery = None
        if self._nursery is None:
            self._nursery = _NurseryProcess(self._environment)
        child = self._nursery.fork(module)
        if child is None:
            self._given_up = True
            self._say("the services can't be forked from one process; each is started by itself, with more memory")
            self._nursery.close()
        return child


class _NurseryProcess:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "penstock_cli.supervisor.nursery", str(theirs.fileno()), _PADDING],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,
            )
        self._children: dict[int, _Forked] = {}
        self._pipes: queue.SimpleQueue[IO[bytes]] = queue.SimpleQueue()
        self._started: queue.SimpleQueue[_Forked | None] = queue.SimpleQueue()
        self.dead = False
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()

    def fork(self, module: str) -> "_Forked | None":
        """Return the process that has become `module`, None when the nursery does not answer."""
        ours, theirs = os.pipe()
        output = os.fdopen(ours, "rb")
        self._pipes.put(output)
        child: _Forked | None = None
        try:
            socket.send_fds(self._control, [module.encode()], [theirs])
            child = self._started.get(timeout=_START_SECONDS)
        except (OSError, queue.Empty):
            pass  # the caller goes on without
        finally:
            os.close(theirs)
        if child is None:
            output.close()
        return child

    def close(self) -> None:
        """Let the nursery end; it takes children that are left with it."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._control.close()

    def _read(self) -> None:
        """Take what the nursery tells until it ends; the kernel then ends its children."""
        with suppress(OSError):
            while data := self._control.recv(512):
                message: dict[str, int] = json.loads(data)
                if "started" in message:
                    child = self._children[message["started"]] = _Forked(message["started"], self._pipes.get())
                    self._started.put(child)
                else:
                    self._children.pop(message["ended"]).ended(message["code"])
        self.dead = True
        self._started.put(None)
        for child in self._children.values():
            child.ended(-signal.SIGTERM)


class _Forked:
    """A Child of the nursery's."""

    def __init__(self, pid: int, output: IO[bytes]) -> None:
        self.pid = pid
        self.stdout: IO[bytes] | None = output
        self._code: int | None = None
        self._end = threading.Event()

    def ended(self, code: int) -> None:
        """Note the exit code."""
        self._code = code
        self._end.set()

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._code

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        self._end.wait()
        return self._code or 0

    def terminate(self) -> None:
        """Send SIGTERM, if it still runs."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
