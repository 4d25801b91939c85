"""The report of `make load`: what it voids, what it counts, what it compares."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from bench.load_test.generator import LOCUST, Load, Measured
from bench.load_test.page import PAGE, Run, picture, report, save
from bench.load_test.prepare import what_is_missing
from bench.load_test.server import parse_buckets
from hypothesis import given
from hypothesis import strategies as st

from penstock_testkit.servers.process import free_port
from penstock_testkit.system import start_system
from penstock_testkit.waiting import HANG_SECONDS

LOAD = Load(title="Mixed", people=2, readers=1, modellers=0, seconds=10)
STREAM = "/api/v1/conversations/{conversation_id}/stream"


def metrics(counts: dict[str, list[int]]) -> str:
    lines = [
        f'http_request_duration_seconds_bucket{{endpoint="{endpoint}",le="{edge}",method="{method}"}} {count}.0'
        for (method, endpoint), each in ((key.split(" "), value) for key, value in counts.items())
        for edge, count in zip(("0.01", "0.1", "+Inf"), each, strict=True)
    ]
    return "\n".join(lines)


def run(*, cpu: float = 0.1, taken: float = 12.0, failures: int = 0) -> Run:
    measured = Measured(load=LOAD, cpu=cpu, seconds=10.0)
    measured.taken["data models"] = [(second, taken) for second in range(10)]
    measured.taken["stream, last event"] = [(second, 900.0) for second in range(3)]
    if failures:
        measured.failures["stream, last event"] = Counter({"no terminal event": failures})
    before = parse_buckets(metrics({"GET /api/v2/metadata/models": [100, 100, 100]}))
    after = parse_buckets(metrics({"GET /api/v2/metadata/models": [100, 110, 110], f"POST {STREAM}": [0, 3, 3]}))
    return Run(measured=measured, before=before, after=after, memory=321.0)


def row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_generator_without_time_to_spare_voids_the_run() -> None:
    assert run(cpu=0.79).valid
    assert not run(cpu=0.81).valid
    assert "Void" in report(run(cpu=0.95))
    assert "Void" not in report(run(cpu=0.5))


def test_a_percentile_agrees_within_5_percent_and_5_ms_of_the_servers_bucket() -> None:
    assert row(report(run(taken=12.0)), "data models")[-2:] == ["10–100 · 10–100 · 10–100 ms", "yes"]
    assert row(report(run(taken=109.0)), "data models")[-1] == "yes"
    assert row(report(run(taken=111.0)), "data models")[-1] == "**no**"
    assert row(report(run(taken=4.0)), "data models")[-1] == "**no**"


@given(st.lists(st.floats(min_value=0.001, max_value=600_000), min_size=1, max_size=300))
def test_the_longest_is_never_shown_below_a_percentile_nor_a_percentile_below_the_one_before(
    taken: list[float],
) -> None:
    of_all = run()
    of_all.measured.taken["data models"] = list(enumerate(taken))
    shown = [int(cell.removesuffix(" ms")) for cell in row(report(of_all), "data models")[3:7]]
    assert shown == sorted(shown)
    assert shown[-1] == round(max(taken)), "the longest of all, and of no sketch of them"


def test_what_came_before_the_load_is_no_part_of_the_servers_figure() -> None:
    earlier_counts_alone = run().before["GET", "/api/v2/metadata/models"]
    assert earlier_counts_alone[0.01] == 100, "all of them in the first bucket"
    assert row(report(run()), "data models")[-2].startswith("10–100")


def test_a_stream_without_a_terminal_event_is_a_failure_with_its_reason() -> None:
    text = report(run(failures=2))
    assert row(text, "stream, last event")[2] == "2"
    assert "2 × no terminal event" in text
    assert "2 of 10 failed" in text, "the ends of a stream are no requests of their own"


def test_a_route_with_a_parameter_is_found_among_the_metrics() -> None:
    assert run().after["POST", STREAM][0.1] == 3


def test_the_picture_has_rates_and_both_percentiles_of_each_second() -> None:
    drawn = picture(run())
    assert [drawn.count(f'class="{name}"') for name in ("rate", "p50", "p99")] == [1, 1, 1]
    assert drawn.count(",") >= 30


def test_the_page_takes_the_figures_and_the_pictures_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "load.md"
    page.write_text(PAGE.read_text())
    for _ in range(2):
        save([run()], page)
    text = page.read_text()
    assert text.count("![Requests and latencies over time](load-mixed.svg)") == 1
    assert (tmp_path / "load-mixed.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("left", [(), ("admin.key", "penstock.json")])
def test_without_a_running_system_it_says_what_to_start(tmp_path: Path, left: tuple[str, ...]) -> None:
    for name in left:
        (tmp_path / name).touch()
    missing = what_is_missing(f"http://127.0.0.1:{free_port()}", tmp_path)
    assert "start one with `penstock up --detach`" in missing
    assert ("no system answers at http://127.0.0.1:" if left else f"on the home {tmp_path}:") in missing


@pytest.mark.skipif(not LOCUST.exists(), reason="Locust is installed by scripts/load-env")
def test_people_streams_and_models_come_to_a_running_system(tmp_path: Path) -> None:
    system = start_system(tmp_path / "home")
    try:
        command = [sys.executable, "-m", "bench.load_test", "--seconds", "6", "--mode", "mixed", "--url", system.url]
        command += ["--home", str(system.home), "--people", "24", "--readers", "2", "--modellers", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    finally:
        system.stop()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for name in ("sign-in", "data models", "realtime query", "extraction", "completion", "stream, last event"):
        assert int(row(done.stdout, name)[1]) > 0
        assert row(done.stdout, name)[2] == "0"
    assert json.loads((system.home / "penstock.json").read_text())["url"] == system.url
