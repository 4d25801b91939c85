"""`penstock maintain` does what it can beside what runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from penstock_cli.maintain import maintain
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_testkit.waiting import HANG_SECONDS

HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    """A telemetry file that nobody holds."""
    file = tmp_path / "telemetry.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE readings AS SELECT range AS value FROM range(1000)")
    return file


@pytest.fixture
def holder(telemetry: Path) -> Iterator[None]:
    """Another process has the file open, as a running feature-service has."""
    command = [sys.executable, "-c", HOLDER, str(telemetry)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("", timeout=HANG_SECONDS)


def test_telemetry_that_nobody_holds_is_checkpointed(telemetry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
    assert "→" in capsys.readouterr().out


@pytest.mark.usefixtures("holder")
def test_telemetry_that_a_service_holds_is_left_to_it(telemetry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
    assert "running feature-service" in capsys.readouterr().out


def test_telemetry_of_a_home_that_is_being_started_is_left_to_its_service(
    telemetry: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service has not opened the file yet: whoever opens it now would keep the service from it."""
    held = Home(telemetry.parent).lock()
    try:
        assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
        assert "belongs to the running feature-service" in capsys.readouterr().out
    finally:
        os.close(held)
    assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
    assert "→" in capsys.readouterr().out
