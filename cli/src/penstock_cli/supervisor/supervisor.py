"""Runs the suite: starts all at once, says when it is ready, restarts what falls, stops all in reverse."""

import queue
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from penstock_cli.supervisor.launch import Launcher
from penstock_cli.supervisor.output import Output
from penstock_cli.supervisor.probe import grpc_serving, http_ready
from penstock_cli.supervisor.process_supervisor import ProcessSupervisor
from penstock_cli.supervisor.rolling_restart import RollingRestart
from penstock_cli.supervisor.service import Service
from penstock_cli.supervisor.state import Home, ProcessId, SuiteState

_PROBE_SECONDS: Final = 0.04
_SIGNAL_SECONDS: Final = 1.0
_WAITING_NOTE_SECONDS: Final = 15.0
_KILL_MARGIN_SECONDS: Final = 5.0
_GIVEN_UP: Final = ("failed", "misconfigured")


class Supervisor:
    """Runs the suite once. ``supervise(service, number, on_change)`` makes the ProcessSupervisor of a service.

    `prepare` is called before the first service starts, when signals are listened to already. `stores`: see SuiteState.
    """

    def __init__(
        self,
        *,
        services: Sequence[Service],
        supervise: Callable[[Service, int, Callable[[], object]], ProcessSupervisor],
        launcher: Launcher,
        url: str,
        home: Home,
        identity: ProcessId,
        output: Output,
        banner: Callable[[float], str],
        grace_seconds: float,
        prepare: Callable[[], object] = lambda: None,
        stores: Mapping[str, str] | None = None,
    ) -> None:
        # A SimpleQueue may be written from a signal handler at any moment; an Event may not.
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._children = [supervise(service, number, self._note_change) for number, service in enumerate(services)]
        self._rolling = RollingRestart(
            self._children, lambda service, number: supervise(service, number, self._note_change), output.say
        )
        self._launcher = launcher
        self._url = url
        self._home = home
        self._identity = identity
        self._output = output
        self._banner = banner
        self._grace = grace_seconds
        self._prepare = prepare
        self._stores = stores
        # Whether it ended because a service did not accept its settings.
        self.misconfigured = False
        self._signals = 0
        self._ready = False
        self._started = 0.0

    def run(self) -> int:
        """Run until a signal asks for the end, or until a service can't be started at all; return the exit code."""
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._on_reload)
        self._started = time.monotonic()
        try:
            self._prepare()
            if self._signals:
                return 0
            for child in self._in_order_of_start():
                child.start()
            return self._watch()
        finally:
            self._stop_all()
            _restore(previous)

    def _in_order_of_start(self) -> list[ProcessSupervisor]:
        """The one that waits for the others has most to load: begun last, it would be waited for."""
        return sorted(self._children, key=lambda child: not child.service.after_others)

    def request_stop(self) -> None:
        """End the run, as a signal would."""
        self._events.put("stop")

    def request_reload(self) -> None:
        """Replace the gateways one after the other, where there are several."""
        self._events.put("reload")

    def _on_reload(self, number: int, frame: object) -> None:
        self.request_reload()

    def _on_signal(self, number: int, frame: object) -> None:
        self._signals += 1
        self._events.put("stop")
        if self._signals > 1:
            for child in (*self._children, *self._rolling.leaving):
                child.kill()

    def _note_change(self) -> None:
        self._events.put("change")

    def _watch(self) -> int:
        note_at = self._started + _WAITING_NOTE_SECONDS
        while (event := self._next_event()) != "stop":
            if event == "reload":
                self._rolling.begin()
            self._probe()
            if self._rolling.advance():
                event = "change"
            if not self._ready and (code := self._announce()) is not None:
                return code
            if not self._ready and time.monotonic() > note_at:
                note_at = time.monotonic() + _WAITING_NOTE_SECONDS
                self._output.say(f"still waiting for {', '.join(self._unready())}")
            if event == "change":
                self._home.write_state(self._suite_state())
        return 0

    def _next_event(self) -> str:
        """Wait for something to happen, for a moment at most while a service is starting.

        Otherwise a second at most: a signal that comes just before the wait is only seen at its end.
        """
        starting = self._rolling.under_way or any(child.state.status == "starting" for child in self._children)
        try:
            return self._events.get(timeout=_PROBE_SECONDS if starting else _SIGNAL_SECONDS)
        except queue.Empty:
            return "probe"

    def _probe(self) -> None:
        """Ask those that are starting. One that needs the others is asked last."""
        for child in (*self._children, *self._rolling.coming):
            process = child.state.process
            if child.state.status == "starting" and process is not None and self._healthy(child):
                child.mark_ready(process)

    def _healthy(self, child: ProcessSupervisor) -> bool:
        service = child.service
        if service.after_others and self._unready_others():
            return False
        if service.worker_folder is not None and not _listens(child, service.worker_folder):
            return False
        healthy = grpc_serving if service.health == "grpc" else http_ready
        return healthy(service.host, service.port)

    def _announce(self) -> int | None:
        """Say once that all is ready; return an exit code when it will never be."""
        failed = [child.service.name for child in self._children if child.state.status in _GIVEN_UP]
        self.misconfigured = any(child.state.status == "misconfigured" for child in self._children)
        if failed:
            self._output.say(f"{', '.join(failed)} could not be started; stopping the others")
            return 1
        if not self._unready():
            self._ready = True
            self._output.block(self._banner(time.monotonic() - self._started))
            self._launcher.end_startup()
        return None

    def _unready_others(self) -> bool:
        """Whether anything is not ready that does not wait for others itself."""
        return any(child.state.status != "ready" and not child.service.after_others for child in self._children)

    def _unready(self) -> list[str]:
        return [child.service.name for child in self._children if child.state.status != "ready"]

    def _suite_state(self) -> SuiteState:
        services = {child.service.name: child.state for child in self._children}
        for number, child in enumerate((*self._rolling.coming, *self._rolling.leaving)):
            services[f"{child.service.name} (replaced {number + 1})"] = child.state
        ready = self._ready and not self._unready()
        return SuiteState(supervisor=self._identity, url=self._url, ready=ready, services=services, stores=self._stores)

    def _stop_all(self) -> None:
        self._output.say("stopping")
        deadline = time.monotonic() + self._grace + _KILL_MARGIN_SECONDS
        for child in (*self._rolling.coming, *self._rolling.leaving, *reversed(self._children)):
            child.stop(deadline)
        self._launcher.end_startup()
        self._home.write_state(self._suite_state())
        self._output.say("all services have ended")


def _listens(child: ProcessSupervisor, folder: Path) -> bool:
    process = child.state.process
    return process is not None and (folder / f"{process.pid}.listening").exists()


def _restore(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
