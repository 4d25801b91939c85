"""Launches services by forking them from the fork server; see :mod:`penstock_cli.supervisor.fork_server`."""

import json
import os
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
from penstock_cli.supervisor.subreaper import set_child_subreaper

# Room for the longest command line of a child in that of the fork server.
_PADDING: Final = "-" * 64
_START_SECONDS: Final = 30.0
_END_SECONDS: Final = 5.0


class ForkServerLauncher:
    """Forks services from a fork server until :meth:`end_startup`; later starts are `fallback`'s.

    It also launches when forking fails; `say` hears why, once.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        fallback: Launcher,
        say: Callable[[str], object],
    ) -> None:
        self._environment = environment
        self._fallback = fallback
        self._say = say
        self._lock = threading.Lock()
        self._server: _ForkServerProcess | None = None
        self._over = False

    def launch(self, service: Service) -> Child:
        """Start `service`."""
        with self._lock:
            child = self._fork(service) if service.module and not self._over else None
        return child or self._fallback.launch(service)

    def end_startup(self) -> None:
        """Let the fork server end: its own pages, which no service shares any more, are free then."""
        with self._lock:
            self._over = True
            if self._server is not None:
                self._server.close()
                self._server = None
        self._fallback.end_startup()

    def _fork(self, service: Service) -> Child | None:
        try:
            if self._server is None:
                self._server = _ForkServerProcess(self._environment)
            return self._server.fork(service)
        except OSError as error:
            why = "that one has ended" if isinstance(error, ConnectionError) else error.strerror or str(error)
            self._say(f"the services can't be forked from one process ({why}); each takes more memory of its own")
            self._over = True
            if self._server is not None:
                self._server.close()
                self._server = None
            return None


class _ForkServerProcess:
    def __init__(self, environment: Mapping[str, str]) -> None:
        set_child_subreaper(enabled=True)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_START_SECONDS)
        name = "penstock_cli.supervisor.fork_server"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", name, str(theirs.fileno()), _PADDING],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,
            )

    def fork(self, service: Service) -> Child:
        """Return the process that has become the service. Raises OSError when there is none in time."""
        names = list(service.descriptors)
        request = {"module": service.module, "environment": dict(service.environment), "descriptors": names}
        ours, theirs = os.pipe()
        output = os.fdopen(ours, "rb")
        try:
            handed = [theirs, *(service.descriptors[name] for name in names)]
            socket.send_fds(self._control, [json.dumps(request).encode()], handed)
            answer = self._control.recv(64)
            if not answer:
                raise ConnectionResetError
        except OSError:
            output.close()
            raise
        finally:
            os.close(theirs)
        return _Forked(int(answer), output)

    def close(self) -> None:
        """End the fork server; what was forked goes on."""
        self._control.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        set_child_subreaper(enabled=False)


class _Forked:
    """A process that the fork server has forked and this one has adopted."""

    def __init__(self, pid: int, output: IO[bytes]) -> None:
        self.pid = pid
        self.stdout: IO[bytes] | None = output
        self._code: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        with self._lock:
            if self._code is None:
                done, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if done else None
            return self._code

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        while (code := self.poll()) is None:
            with suppress(ChildProcessError):  # another thread's poll came first
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return code

    def terminate(self) -> None:
        """Send SIGTERM, if it still runs."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._code is None:  # until it is waited for, its number is not another process's
                os.kill(self.pid, number)
