"""Gateways that share a port are replaced one after the other, over real child processes."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.port import port_problems
from penstock_cli.supervisor.process_supervisor import ProcessSupervisor
from penstock_cli.supervisor.rolling_restart import RollingRestart
from penstock_cli.supervisor.service import Service, as_workers, services
from penstock_cli.supervisor.state import ServiceState, identify
from penstock_cli.supervisor.worker_group import WorkerGroup
from penstock_cli.wrong_setting import quick_problems
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS


class Child:
    """A process supervisor whose state the test sets."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = ServiceState(status="ready", process=identify(os.getpid()))
        self.started = self.told = self.ended = False

    def start(self) -> None:
        self.started = True
        self.state = ServiceState(status="starting")

    def request_stop(self) -> None:
        self.told = True

    def wait(self, seconds: float) -> bool:
        return self.ended


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Callable[[int], list[Service]]]:
    """Return a maker of suites with so many gateways."""
    made: list[WorkerGroup] = []
    settings = CliSettings(values={"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_HTTP_PORT": str(free_port())})

    def suite(workers: int) -> list[Service]:
        made.append(WorkerGroup(settings))
        return as_workers(services(settings), made[-1], workers)

    yield suite
    for each in made:
        each.close()


def rolling(suite: list[Service]) -> tuple[RollingRestart, list[Child], list[str]]:
    children, said = [Child(service) for service in suite], list[str]()
    made: list[ProcessSupervisor] = children  # type: ignore[assignment]

    def supervise(service: Service, number: int) -> ProcessSupervisor:
        assert suite[number] is service
        return Child(service)  # type: ignore[return-value]

    return RollingRestart(made, supervise, said.append), children, said


def test_a_successor_is_ready_before_its_predecessor_is_told_to_stop(group: Callable[[int], list[Service]]) -> None:
    restart, children, _ = rolling(group(2))
    before = list(children)
    restart.begin()
    for place in (-2, -1):
        assert restart.advance()
        successor: Child = restart.coming[0]  # type: ignore[assignment]
        assert (successor.started, before[place].told) == (True, False)
        restart.advance()
        assert children[place] is before[place], "not ready yet"
        successor.state = ServiceState(status="ready")
        restart.advance()
        assert children[place] is successor
        assert before[place].told
        assert not successor.told
    assert [child.told for child in before] == [False] * (len(before) - 2) + [True] * 2, "the others are left alone"
    assert len(restart.leaving) == 2
    for child in before:
        child.ended = True
    restart.advance()
    assert (restart.leaving, restart.under_way) == ([], False)


@pytest.mark.parametrize("status", ["failed", "misconfigured", "restarting"])
def test_a_successor_that_does_not_start_leaves_all_as_it_was(
    group: Callable[[int], list[Service]], status: str
) -> None:
    restart, children, said = rolling(group(3))
    before = list(children)
    restart.begin()
    restart.advance()
    restart.coming[0].state = ServiceState(status=status)  # type: ignore[misc]
    restart.advance()
    assert (children, restart.under_way) == (before, False)
    assert not any(child.told for child in before)
    assert "does not start" in said[-1]


def test_one_gateway_is_not_replaced_and_it_is_said_why(tmp_path: Path) -> None:
    restart, _, said = rolling(services(CliSettings(values={"PENSTOCK_HOME": str(tmp_path)})))
    restart.begin()
    assert not restart.under_way
    assert "PENSTOCK_WORKERS" in said[-1]


def test_gateways_share_their_port_and_name_their_slots(group: Callable[[int], list[Service]]) -> None:
    suite = group(3)
    assert [service.name for service in suite[-3:]] == ["gateway-1", "gateway-2", "gateway-3"]
    assert [service.environment["PENSTOCK_WORKER"] for service in suite[-3:]] == ["1", "2", "3"]
    assert len({service.environment["PENSTOCK_WORKER_FOLDER"] for service in suite[-3:]}) == 1
    assert not [line for line in port_problems(suite[-3:]) if "also" in line]


def test_the_port_is_listened_on_from_before_the_first_gateway_until_the_end(tmp_path: Path) -> None:
    port = free_port()
    settings = CliSettings(values={"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_HTTP_PORT": str(port)})
    shared = WorkerGroup(settings)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS):
            pass
        with pytest.raises(CommandFailed, match="PENSTOCK_HTTP_PORT"):
            WorkerGroup(settings)
        folder = shared.folder
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        shared.close()
    assert not folder.exists()


@pytest.mark.parametrize("value", ["0", "-1", "two", "65", "1.5", "٣"])
def test_a_number_of_workers_that_cannot_be_is_named(value: str) -> None:
    problems = quick_problems(CliSettings(values={"PENSTOCK_WORKERS": value}))
    assert problems == [f"PENSTOCK_WORKERS is {value!r}; it must be a number from 1 to 64"]


def test_what_other_programs_call_their_workers_starts_none() -> None:
    assert CliSettings(values={"WEB_CONCURRENCY": "4"}).workers == 1


def test_the_folder_of_a_supervisor_that_was_killed_is_cleared_by_the_next_one(tmp_path: Path) -> None:
    def group() -> WorkerGroup:
        values = {"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_HTTP_PORT": str(free_port())}
        return WorkerGroup(CliSettings(values=values))

    living, left = group(), tempfile.mkdtemp(prefix="penstock-workers-", dir=group_place(tmp_path))
    (Path(left) / "supervisor.lock").touch()
    (Path(left) / "gw_1.metrics").write_text("{}")
    other = group()
    try:
        assert not Path(left).exists()
        assert living.folder.exists()
    finally:
        living.close()
        other.close()


def group_place(home: Path) -> Path:
    """Return the folder in which groups make theirs."""
    settings = CliSettings(values={"PENSTOCK_HOME": str(home), "PENSTOCK_HTTP_PORT": str(free_port())})
    group = WorkerGroup(settings)
    group.close()
    return group.folder.parent


@pytest.mark.parametrize("value", ["abc", "0", ""])
def test_a_port_for_scrapers_that_is_none_is_left_to_the_gateway(tmp_path: Path, value: str) -> None:
    values = {"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_HTTP_PORT": str(free_port()), "GATEWAY_METRICS_PORT": value}
    group = WorkerGroup(CliSettings(values=values))
    assert set(group.descriptors()) == {"PENSTOCK_LISTEN_FD"}
    group.close()


def test_the_port_for_scrapers_is_shared_as_well(tmp_path: Path) -> None:
    ports = {"PENSTOCK_HTTP_PORT": str(free_port()), "GATEWAY_METRICS_PORT": str(free_port())}
    group = WorkerGroup(CliSettings(values={"PENSTOCK_HOME": str(tmp_path), **ports}))
    assert set(group.descriptors()) == {"PENSTOCK_LISTEN_FD", "PENSTOCK_METRICS_FD"}
    group.close()
