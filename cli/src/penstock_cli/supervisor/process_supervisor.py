"""Supervises one service: starts it, relays its output, restarts it when it ends."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Final

from penstock_cli.supervisor.launch import Child, Launcher
from penstock_cli.supervisor.output import Output
from penstock_cli.supervisor.restart import Restarts
from penstock_cli.supervisor.service import Service
from penstock_cli.supervisor.state import ProcessId, ServiceState, identify

# What a service exits with when its settings are wrong: trying again would not help.
_SETTINGS_WRONG: Final = 2
_LAST_WORDS_SECONDS: Final = 1.0
_KILL_SECONDS: Final = 5.0
_SIGNAL_SECONDS: Final = 0.2


class ProcessSupervisor:
    """Supervises one service from a thread of its own, which calls `on_change` whenever the state changes."""

    def __init__(
        self,
        service: Service,
        *,
        launcher: Launcher,
        output: Output,
        prefix: bytes,
        restarts: Restarts,
        on_change: Callable[[], object],
    ) -> None:
        self.service = service
        self._launcher = launcher
        self._output = output
        self._prefix = prefix
        self._restarts = restarts
        self._on_change = on_change
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: Child | None = None
        self._state = ServiceState(status="stopped", ports=service.ports)
        self._thread = threading.Thread(target=self._supervise, name=service.name, daemon=True)

    @property
    def state(self) -> ServiceState:
        """The state of the service now."""
        return self._state

    def start(self) -> None:
        """Start the service and the thread that supervises it."""
        self._thread.start()

    def mark_ready(self, process: ProcessId) -> None:
        """Note that `process` has answered its health check, unless it has ended meanwhile."""
        with self._lock:
            if self._state.process == process and self._state.status == "starting":
                self._set("ready", process)

    def request_stop(self) -> None:
        """Send SIGTERM, and start the service no more."""
        with self._lock:
            self._stopping.set()
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended after :meth:`request_stop`; False when it has not after `seconds`.

        It waits in short pieces: a signal that comes just before a wait is only seen at the wait's end.
        """
        end = time.monotonic() + seconds
        while self._thread.is_alive() and (left := end - time.monotonic()) > 0:
            self._thread.join(min(left, _SIGNAL_SECONDS))
        return not self._thread.is_alive()

    def kill(self) -> None:
        """End the process at once."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def _supervise(self) -> None:
        restarts = 0
        while (process := self._spawn(restarts)) is not None:
            started = time.monotonic()
            code = self._relay_output(process)
            if self._stopping.is_set():
                break
            if not self._await_restart(code, time.monotonic() - started, restarts):
                return
            restarts += 1
        self._set("stopped", None, restarts)

    def _spawn(self, restarts: int) -> Child | None:
        """Start the process unless a stop came first."""
        with self._lock:
            if self._stopping.is_set():
                return None
            process = self._launcher.launch(self.service)
            self._process = process
            self._set("starting", identify(process.pid), restarts)
        return process

    def _relay_output(self, process: Child) -> int:
        """Pass the lines on until the process ends. Its own children may hold the pipe longer than it lives."""
        pipe = process.stdout
        assert pipe is not None
        lines = threading.Thread(target=self._output.pump, args=(pipe, self._prefix), daemon=True)
        lines.start()
        code = process.wait()
        lines.join(_LAST_WORDS_SECONDS)
        return code

    def _await_restart(self, code: int, lived: float, restarts: int) -> bool:
        """Wait for the moment to start again; False when it is given up."""
        delay = None if code == _SETTINGS_WRONG else self._restarts.next_delay(lived)
        end = f"{self.service.name} {describe_exit(code)} after {lived:.1f} s"
        if delay is None:
            why = "its settings are wrong" if code == _SETTINGS_WRONG else "it keeps ending right after its start"
            self._output.say(f"{end}; not started again: {why}, its last lines above say more")
            self._set("misconfigured" if code == _SETTINGS_WRONG else "failed", None, restarts)
            return False
        self._output.say(f"{end}; starting it again in {delay:.1f} s")
        self._set("restarting", None, restarts)
        self._stopping.wait(delay)
        return True

    def _set(self, status: str, process: ProcessId | None, restarts: int | None = None) -> None:
        started = self._state.start_time if process is None or status == "ready" else time.time()
        count = self._state.restarts if restarts is None else restarts
        self._state = ServiceState(
            status=status, process=process, start_time=started, restarts=count, ports=self.service.ports
        )
        self._on_change()

    def stop(self, deadline: float) -> None:
        """Stop the service, by force once ``time.monotonic()`` has passed `deadline`."""
        self.request_stop()
        if not self.wait(deadline - time.monotonic()):
            self._output.say(f"{self.service.name} did not end in time; killed")
            self.kill()
            self.wait(_KILL_SECONDS)


def describe_exit(code: int) -> str:
    """Return how a process ended: with a code, or by which signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}"
