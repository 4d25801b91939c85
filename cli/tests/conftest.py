"""A supervisor over small real child processes, its output as something to wait on, and homes with records."""

import os
import re
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from penstock_cli.migrate.record_set import NAMES, RecordSet, load_record_set
from penstock_cli.supervisor.launch import ProcessLauncher
from penstock_cli.supervisor.output import Output
from penstock_cli.supervisor.process_supervisor import ProcessSupervisor
from penstock_cli.supervisor.restart import RestartRule, Restarts
from penstock_cli.supervisor.service import Listener, Service
from penstock_cli.supervisor.state import Home, identify
from penstock_cli.supervisor.supervisor import Supervisor
from penstock_kit.database import migrate, sqlite_url
from penstock_testkit.sample_rows import fill_tables
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS

CHILD = Path(__file__).with_name("child_service.py")


class Lines:
    """Collects what is written and wakes who waits for a text in it."""

    def __init__(self) -> None:
        self.text = ""
        self._changed = threading.Condition()

    def write(self, data: bytes) -> None:
        with self._changed:
            self.text += bytes(data).decode()
            self._changed.notify_all()

    def flush(self) -> None:
        pass

    def wait_for(self, pattern: str, *, seconds: float = HANG_SECONDS) -> "re.Match[str]":
        with self._changed:
            found = self._changed.wait_for(lambda: re.search(pattern, self.text), timeout=seconds)
        assert found, f"no {pattern!r} in:\n{self.text}"
        return found


class Suite:
    """`modes` by service name; started in that order."""

    def __init__(
        self, folder: Path, modes: dict[str, str], *, grace: float = 5.0, prepare: Callable[[], object] = lambda: None
    ) -> None:
        self.folder = folder
        self.ports: set[int] = set()
        self.lines = Lines()
        self.output = Output(self.lines, width=8, colour=False)
        self.launcher = ProcessLauncher({"PATH": os.environ["PATH"]})
        self.home = Home(folder)
        self.services = [self._service(name, mode) for name, mode in modes.items()]
        self.supervisor = Supervisor(
            services=self.services,
            supervise=self._process_supervisor,
            launcher=self.launcher,
            url="http://127.0.0.1:1",
            home=self.home,
            identity=identify(os.getpid()),
            output=self.output,
            banner=lambda seconds: f"READY in {seconds:.1f}",
            grace_seconds=grace,
            prepare=prepare,
        )

    def run(self, scenario: Callable[["Suite"], None]) -> int:
        """Run the supervisor here and `scenario` beside it; the supervisor is asked to stop when that ends."""
        failures: list[BaseException] = []

        def act() -> None:
            try:
                scenario(self)
            except BaseException as failure:  # noqa: BLE001 - handed to the test below
                failures.append(failure)
            finally:
                self.supervisor.request_stop()

        thread = threading.Thread(target=act)
        thread.start()
        code = self.supervisor.run()
        thread.join(20)
        if failures:
            raise failures[0]
        return code

    def lives(self, name: str) -> int:
        return (self.folder / f"{name}.lives").stat().st_size

    def _service(self, name: str, mode: str) -> Service:
        port = free_port()
        while port in self.ports:
            port = free_port()
        self.ports.add(port)
        command = (sys.executable, "-S", str(CHILD), str(port), str(self.folder / f"{name}.lives"), mode)
        return Service(name=name, command=command, listeners=(Listener(setting="PORT", port=port),), health="http")

    def _process_supervisor(self, service: Service, number: int, on_change: Callable[[], object]) -> ProcessSupervisor:
        rule = RestartRule(first_delay=0.01, longest_delay=0.05, short_life=30.0, tries=3)
        return ProcessSupervisor(
            service,
            launcher=self.launcher,
            output=self.output,
            prefix=self.output.prefix(service.name, number),
            restarts=Restarts(rule, lambda: 0.0),
            on_change=on_change,
        )


@pytest.fixture
def make_suite(tmp_path: Path) -> Callable[..., Suite]:
    """Return a maker of suites: ``make_suite({"a": "good"})``."""
    return lambda modes, **options: Suite(tmp_path, modes, **options)


@pytest.fixture
def lines() -> Lines:
    return Lines()


async def fill_records(home: Path, rows: int = 25) -> list[RecordSet]:
    """Make the four databases in `home`, `rows` rows in each of their tables; return the record sets."""
    sets = [load_record_set(name) for name in NAMES]
    for records in sets:
        await migrate(sqlite_url(home / records.file), records.migrations)
        fill_tables(home / records.file, records.tables, rows)
    return sets


@pytest.fixture
def fill_home() -> Callable[..., Awaitable[list[RecordSet]]]:
    """Return what makes the databases of a home: ``await fill_home(home, rows=3)``."""
    return fill_records
