"""Many rows at once into DuckDB: put together for the store, and stored as one by one."""

import duckdb
import numpy as np
import pytest

from feature_service.adapters.duckdb.large_insert import LARGE, grouped
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span

KEY = SeriesKey(tenant_id="t", device_code="d")
OTHER = SeriesKey(tenant_id="t", device_code="e")


def rows_from(start, count, names=("a", "b"), texts=()):
    times = (np.arange(start, start + count) * 1_000_000).astype("datetime64[us]")
    numbers = {
        name: np.arange(start, start + count, dtype=np.float64) * (place + 1) for place, name in enumerate(names)
    }
    return Frame(
        timestamps=times,
        numbers=numbers,
        texts={name: np.array(["x", None] * (count // 2), dtype=np.object_) for name in texts},
    )


def sizes(parts):
    return [(key.device_code, [len(rows) for rows in frames]) for key, frames in grouped(parts)]


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    yield opened
    await opened.close()


def test_frames_of_one_series_that_follow_one_another_are_put_together():
    parts = [(KEY, rows_from(0, 4)), (KEY, rows_from(4, 2)), (OTHER, rows_from(6, 2)), (KEY, rows_from(6, 2))]
    assert sizes(parts) == [("d", [4, 2]), ("e", [2]), ("d", [2])]


def test_rows_that_are_not_later_or_have_other_fields_begin_a_group_of_their_own():
    parts = [rows_from(0, 4), rows_from(3, 2), rows_from(5, 2, ("a",)), rows_from(7, 2, ("a",), ("s",))]
    assert sizes((KEY, rows) for rows in parts) == [("d", [4]), ("d", [2]), ("d", [2]), ("d", [2])]


def test_no_group_has_more_than_four_million_cells():
    assert sizes((KEY, rows_from(start, 500_000)) for start in range(0, 2_000_000, 500_000)) == [
        ("d", [500_000, 500_000]),
        ("d", [500_000, 500_000]),
    ]


@pytest.mark.parametrize("piece", [LARGE // 4, LARGE + 2], ids=["small pieces", "large pieces"])
async def test_many_rows_are_stored_in_their_order_with_what_is_missing(store, piece):
    frames = [rows_from(start, piece, texts=("s",)) for start in range(0, 6 * piece, piece)]
    frames[1].numbers["a"][3] = np.nan
    await store.append_all((KEY, frame) for frame in frames)
    found = await store.read(KEY, ["a", "b", "s"], Span())
    assert len(found) == 6 * piece
    assert (np.diff(found.timestamps) > np.timedelta64(0)).all()
    assert np.flatnonzero(np.isnan(found.numbers["a"])).tolist() == [piece + 3]
    assert found.numbers["b"].tolist() == list(range(0, 12 * piece, 2))
    assert found.texts["s"][-2:].tolist() == ["x", None]


async def test_a_missing_value_among_many_rows_leaves_the_one_that_comes_later_and_is_a_null_in_the_file(tmp_path):
    store = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    many = rows_from(0, LARGE)
    many.numbers["a"][7] = np.nan
    await store.append(KEY, many)
    await store.append(KEY, rows_from(7, 1, ("c",)))
    await store.close()
    with duckdb.connect(str(tmp_path / "telemetry.duckdb"), read_only=True) as file:
        tables = file.execute("SELECT table_name FROM duckdb_tables() ORDER BY estimated_size DESC").fetchall()
        assert file.execute(f"SELECT count(*), count(COLUMNS(*)) FROM {tables[0][0]}").fetchall()[0][:3] == (
            LARGE,
            LARGE,
            LARGE - 1,
        )


async def test_many_rows_that_meet_stored_ones_are_merged_field_by_field(store):
    await store.append(KEY, rows_from(100, 2, ("a", "kept")))
    await store.append(KEY, rows_from(0, LARGE, ("a",)))
    found = await store.read(KEY, ["a", "kept"], Span())
    assert len(found) == LARGE
    assert np.flatnonzero(~np.isnan(found.numbers["kept"])).tolist() == [100, 101]
