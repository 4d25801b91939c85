"""Telemetry goes from DuckDB to PostgreSQL and back, bit for bit, wherever the move was interrupted."""

from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from penstock_cli.migrate.command import move_telemetry
from penstock_cli.migrate.report import Report
from penstock_cli.migrate.side import TELEMETRY_FILE, Move, open_telemetry_sides
from penstock_cli.migrate.telemetry import compare_telemetry, unfit_cells

START = 1_700_000_000_123_456
PUMP = SeriesKey(tenant_id="default", device_code="pump-7")
PRESS = SeriesKey(tenant_id="other", device_code='press "ß" 🔥')
NUMBERS = (0.1, -0.0, 5e-324, float("inf"), float("-inf"), float("nan"), 1.7976931348623157e308)
TEXTS = ("ok", "", None, "grün\n温度", "🔥")


class Killed(BaseException):
    """Ends a move where a kill would."""


class Steps:
    """Counts the steps of a move and ends it at the step `last`."""

    def __init__(self, last: int | None = None) -> None:
        self.count = 0
        self._last = last

    def step(self, what: str, rows: int = 0, of: int = 0) -> None:
        self.count += 1
        if self.count == self._last:
            raise Killed(what)


def frame(rows: int, *, first: int = START, text: bool = True) -> Frame:
    times = np.array([first + n * 1_000_001 for n in range(rows)], dtype="datetime64[us]")
    numbers = {"current": np.array([NUMBERS[n % len(NUMBERS)] for n in range(rows)]), "x": np.arange(rows) / 3.0}
    texts = {"quality": np.array([TEXTS[n % len(TEXTS)] for n in range(rows)], dtype=object)} if text else {}
    return Frame(timestamps=times, numbers=numbers, texts=texts)


async def fill(file: Path, parts: dict[SeriesKey, Frame]) -> None:
    store = DuckDbTelemetryStore(file)
    for key, rows in parts.items():
        await store.append(key, rows)
    await store.close()


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """A home with 120,000 rows of two devices, some of them before 1970."""
    early = frame(30, first=-3_000_000_000_000_000, text=False)
    await fill(tmp_path / TELEMETRY_FILE, {PUMP: early, PRESS: frame(700)})
    await fill(tmp_path / TELEMETRY_FILE, {PUMP: frame(119_000)})
    return tmp_path


async def differences(move: Move) -> list[str]:
    async with open_telemetry_sides(move, alone=False) as (source, target):
        return [line async for found in compare_telemetry(source, target) for line in found.named]


async def test_rows_arrive_bit_for_bit_and_come_back_the_same(home: Path, postgres_url: str) -> None:
    result = Report()
    await move_telemetry(Move(home=home, url=postgres_url, back=False), Steps(), result)
    assert result.differences == 0
    back = home / "back"
    back.mkdir()
    await move_telemetry(Move(home=back, url=postgres_url, back=True), Steps(), result)
    assert result.differences == 0
    first, other = DuckDbTelemetryStore(home / TELEMETRY_FILE), DuckDbTelemetryStore(back / TELEMETRY_FILE)
    found = [each async for each in compare_telemetry(first, other)]
    assert [(each.rows, each.named) for each in found] == [(119_030, []), (700, [])]
    assert all(len(each.checksums) == 4 for each in found)
    await first.close()
    await other.close()


async def test_a_move_that_is_killed_at_any_step_ends_the_same_when_it_is_run_again(
    home: Path, postgres_url: str
) -> None:
    move, whole = Move(home=home, url=postgres_url, back=False), Steps()
    await move_telemetry(move, whole, Report())
    assert whole.count >= 4
    for last in range(1, whole.count + 1):
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("TRUNCATE telemetry_series, telemetry_rows, telemetry_dropped")
        await connection.close()
        with pytest.raises(Killed):
            await move_telemetry(move, Steps(last), Report())
        result, steps = Report(), Steps()
        await move_telemetry(move, steps, result)
        assert result.differences == 0
        assert steps.count <= whole.count - last + 1


async def test_a_flipped_bit_a_microsecond_and_swapped_rows_are_found_and_named(home: Path, postgres_url: str) -> None:
    move = Move(home=home, url=postgres_url, back=False)
    await move_telemetry(move, Steps(), Report())
    connection = await asyncpg.connect(postgres_url)
    # One bit of a number: 1/3 becomes the next one; two rows of the other device change places; a time moves.
    await connection.execute(
        "UPDATE telemetry_rows SET numbers[2] = 0.33333333333333337 WHERE numbers[2] = 0.3333333333333333 AND"
        " series_id = (SELECT id FROM telemetry_series WHERE device_code = 'pump-7') AND ts > '2000-01-01'"
    )
    press = "series_id = (SELECT id FROM telemetry_series WHERE tenant_id = 'other')"
    await connection.execute(f"UPDATE telemetry_rows SET numbers[2] = 1 - numbers[2] WHERE {press} AND numbers[2] <= 1")
    await connection.execute(f"UPDATE telemetry_rows SET ts = ts + '1 us' WHERE {press} AND numbers[2] = 200")
    await connection.close()
    named = await differences(move)
    pump = [line for line in named if line.startswith("device 'pump-7' of tenant 'default'")]
    assert len(pump) == 1
    assert pump[0].endswith(
        "x at 2023-11-14T22:13:21.123457Z is 0.3333333333333333 in the source and 0.33333333333333337 in the target"
    )
    other = [line for line in named if line.startswith("device 'press")]
    # x of four rows (0, 1/3, 2/3, 1) was turned round; the moved row is there at one time and missing at the other.
    assert len([line for line in other if ": x at " in line]) == 4
    assert len([line for line in other if "is only in the" in line]) == 2
    assert len(named) == 7


async def test_texts_that_postgresql_does_not_take_are_named_before_anything_is_written(tmp_path: Path) -> None:
    rows = frame(10)
    texts = {"quality": np.array(["a\0b" if n == 4 else "fine" for n in range(10)], dtype=object)}
    spoiled = Frame(timestamps=rows.timestamps, numbers=rows.numbers, texts=texts)
    await fill(tmp_path / TELEMETRY_FILE, {PUMP: spoiled})
    store: Any = DuckDbTelemetryStore(tmp_path / TELEMETRY_FILE)
    found = [line async for line in unfit_cells(store)]
    await store.close()
    assert found == [
        "device 'pump-7' of tenant 'default' at 2023-11-14T22:13:24.123460Z: quality has a NUL at character 2"
    ]


async def test_what_only_one_side_has_is_named_with_that_side(tmp_path: Path) -> None:
    await fill(tmp_path / "left.duckdb", {PUMP: frame(3), PRESS: frame(4)})
    await fill(tmp_path / "right.duckdb", {PRESS: frame(6)})
    sides = [DuckDbTelemetryStore(tmp_path / f"{name}.duckdb") for name in ("left", "right")]
    for (source, target), pump, press in (
        (sides, "its 3 rows are only in the source", "4 rows in the source, 6 in the target"),
        (sides[::-1], "its 3 rows are only in the target", "6 rows in the source, 4 in the target"),
    ):
        found = {each.series: each.named async for each in compare_telemetry(source, target)}
        named = {("pump" if "pump-7" in series else "press"): lines for series, lines in found.items()}
        assert [line.partition(": ")[2] for line in named["pump"]] == [pump]
        assert named["press"][0].endswith(f": {press}")
    for side in sides:
        await side.close()
