"""Which ports the services of a suite get."""

import socket
import subprocess
import sys

import pytest

from penstock_cli.settings import DEFAULT_PORTS, CliSettings
from penstock_cli.supervisor.port import PortReservation, unusable
from penstock_cli.supervisor.service import SERVICE_PORTS, child_environment, services
from penstock_testkit.servers.process import free_port, free_ports

linux = pytest.mark.skipif(sys.platform != "linux", reason="ports are held on Linux only")


def chosen(settings: CliSettings) -> dict[str, int]:
    return {name: settings.port(name) for name in SERVICE_PORTS}


def test_what_a_setting_names_is_taken_as_it_is() -> None:
    named = dict(zip(DEFAULT_PORTS, map(str, free_ports(len(DEFAULT_PORTS))), strict=True))
    ports = PortReservation()
    assert ports.choose(CliSettings(values=named)).values == named
    ports.close()


def test_two_reservations_choose_no_port_twice_and_every_service_is_told() -> None:
    first, second = PortReservation(), PortReservation()
    one = first.choose(CliSettings(values={"PENSTOCK_HTTP_PORT": "6000"}))
    two = second.choose(CliSettings(values={"PENSTOCK_HTTP_PORT": "6001"}))
    numbers = [*chosen(one).values(), *chosen(two).values()]
    assert len(set(numbers)) == len(numbers)
    environment = child_environment(two)
    for name in ("LLM", "CHAT_STREAM", "FEATURE", "CACHE"):
        port = two.port(f"{name}_SERVICE_PORT")
        assert environment[f"{name}_SERVICE_PORT"] == str(port)
        assert environment[f"{name}_SERVICE_ADDRESS"] == f"127.0.0.1:{port}"
    assert [service.port for service in services(two)][-1] == 6001
    first.close()
    second.close()


def test_a_taken_documented_port_is_passed_over_and_a_named_one_is_not_given_twice() -> None:
    named = free_port()
    settings = CliSettings(values={"PENSTOCK_HTTP_PORT": "50051", "LLM_SERVICE_METRICS_PORT": str(named)})
    ports = PortReservation()
    numbers = chosen(ports.choose(settings))
    assert numbers["LLM_SERVICE_PORT"] != 50051
    assert numbers["LLM_SERVICE_METRICS_PORT"] == named
    ports.close()


@linux
def test_a_reserved_port_is_for_the_service_and_for_nobody_else() -> None:
    ports = PortReservation()
    port = chosen(ports.choose(CliSettings(values={})))["LLM_SERVICE_PORT"]
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", port))
    for _ in range(2):  # also when the service is started again
        with socket.create_server(("127.0.0.1", port)):
            assert unusable("127.0.0.1", port) == "is in use by another process"
    ports.close()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))


@linux
def test_a_supervisor_in_another_process_passes_over_what_this_one_has_reserved() -> None:
    ports = PortReservation()
    mine = set(chosen(ports.choose(CliSettings(values={}))).values())
    code = (
        "from penstock_cli.settings import CliSettings;"
        "from penstock_cli.supervisor.port import PortReservation, SERVICE_PORTS;"
        "settings = PortReservation().choose(CliSettings(values={}));"
        "print(*(settings.port(name) for name in SERVICE_PORTS))"
    )
    theirs = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not mine & {int(port) for port in theirs}
    ports.close()
