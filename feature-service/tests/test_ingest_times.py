"""Times of rows: the calendar's edges, hours that occur twice or not at all, and the same digits in every format."""

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.timestamp_cell import parse_time
from feature_service.domain.ingest.timestamp_column import RawTimes, instants_of_cells

BERLIN = ZoneInfo("Europe/Berlin")


def instants(cells, zone=BERLIN, devices=None):
    """The instants of time cells (None where refused) as ISO text, and the reasons."""
    bad = {}
    given_devices = None if devices is None else np.array(devices, dtype=object)
    times = instants_of_cells(RawTimes(cells=cells, devices=given_devices), LocalClock(zone), bad)
    return [None if row in bad else str(times[row])[:19] for row in range(len(cells))], bad


@pytest.mark.parametrize(
    ("cell", "zone"),
    [
        ("0001-01-01 00:00:00", ZoneInfo("Asia/Tokyo")),
        ("0000-12-31 23:59:59", UTC),
        ("0001-01-01T00:00:00+00:01", UTC),
        ("9999-12-31T23:59:59-05:00", UTC),
        ("9999-12-31 23:59:59", ZoneInfo("America/New_York")),
        (-99_999_999_999, UTC),
        (-62_135_596_800.5, UTC),
    ],
)
def test_a_time_outside_the_years_1_to_9999_is_refused(cell, zone):
    assert instants([cell], zone)[0] == [None]
    with pytest.raises(ValueError, match="timestamp"):
        parse_time(cell, zone)


def test_the_first_and_the_last_time_of_the_calendar_are_kept():
    assert instants(["0001-01-01 00:00:00", "9999-12-31 23:59:59"], UTC)[0] == [
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59",
    ]
    assert instants(["9999-12-31 23:59:59"], ZoneInfo("Asia/Tokyo"))[0] == ["9999-12-31T14:59:59"]


def test_a_time_over_which_clocks_went_forward_is_refused_alone():
    cells = ["2024-03-31 01:59:59", "2024-03-31 02:30:00", "2024-03-31 03:00:00"]
    found, bad = instants(cells)
    assert found == ["2024-03-31T00:59:59", None, "2024-03-31T01:00:00"]
    assert bad == {
        1: "timestamp '2024-03-31 02:30:00' does not exist in Europe/Berlin: "
        "clocks went forward over it; write it with its offset"
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["02:00", "02:30", "02:00", "02:30", "03:00"], ["00:00", "00:30", "01:00", "01:30", "02:00"]),
        (["01:00", "02:00", "02:00", "03:00"], ["23:00", "00:00", "01:00", "02:00"]),
        (
            ["03:00", "02:30", "02:00", "02:30", "02:00", "01:30"],
            ["02:00", "01:30", "01:00", "00:30", "00:00", "23:30"],
        ),
        (["02:00", "02:00", "02:10", "02:10", "02:20"], ["00:00", "00:00", "00:10", "00:10", "00:20"]),
    ],
    ids=["ascending", "once an hour", "descending", "several rows a time"],
)
def test_an_hour_that_occurs_twice_is_told_by_the_order_of_the_rows(times, expected):
    found, _ = instants([f"2024-10-27 {time}:00" for time in times])
    assert [moment[11:16] for moment in found] == expected


def test_every_device_of_a_body_passes_through_the_hour_by_itself():
    times = ["02:00", "02:00", "02:30", "02:30", "02:00", "02:00"]
    found, _ = instants([f"2024-10-27 {time}:00" for time in times], devices=["a", "b"] * 3)
    assert [moment[11:16] for moment in found] == ["00:00", "00:00", "00:30", "00:30", "01:00", "01:00"]


def test_the_passage_goes_on_in_the_next_block():
    clock = LocalClock(BERLIN)
    blocks = [["02:00", "02:30"], ["02:45", "02:00"], ["02:15", "02:30"]]
    found = []
    for block in blocks:
        cells = [f"2024-10-27 {time}:00" for time in block]
        found += [str(moment)[11:16] for moment in instants_of_cells(RawTimes(cells=cells), clock, {})]
    assert found == ["00:00", "00:30", "00:45", "01:00", "01:15", "01:30"]
    assert clock.ambiguous == 6


@settings(max_examples=100, deadline=None)
@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Monrovia"]
    ),
    starts=st.lists(st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1)), min_size=1, max_size=20),
)
def test_local_times_become_the_instants_that_pandas_gives(zone, starts):
    cells = [start.replace(microsecond=0).isoformat(sep=" ") for start in starts]
    found, bad = instants(cells, ZoneInfo(zone))
    for row, start in enumerate(starts):
        local = pd.Timestamp(start.replace(microsecond=0))
        candidates = set()
        for fold in (True, False):
            moment = local.tz_localize(zone, ambiguous=fold, nonexistent="NaT")
            if moment is not pd.NaT:
                candidates.add(moment.tz_convert("UTC").isoformat()[:19])
        assert (row in bad) == (not candidates), cells[row]
        assert not candidates or found[row] in candidates


@pytest.mark.parametrize(
    ("cell", "micros"),
    [
        (1704067200123456789, 1704067200123456),
        ("1704067200123456789", 1704067200123456),
        ("2024-01-01T00:00:00.123456789Z", 1704067200123456),
        (1704067200.123456, 1704067200123456),
        ("1704067200.1234569", 1704067200123456),
        (1704067200123.4567, 1704067200123456),
        (-1, -1_000_000),
        (-1.0000001, -1_000_001),
    ],
)
def test_digits_beyond_the_microsecond_are_cut_off_however_the_time_is_written(cell, micros):
    assert parse_time(cell, UTC) == micros


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_times_of_every_unit_are_the_same_instants(unit, read_arrow):
    moment = datetime(2024, 5, 1, 10, tzinfo=UTC)
    plain = pa.array([moment.replace(tzinfo=None)], pa.timestamp(unit))
    zoned = pa.array([moment], pa.timestamp(unit, tz="America/New_York"))
    for column, zone, hour in ((plain, UTC, 10), (plain, BERLIN, 8), (zoned, BERLIN, 10)):
        rows, _ = read_arrow(pa.table({"timestamp": column, "a": [1.0]}), zone=zone)
        assert rows.index[0] == pd.Timestamp(2024, 5, 1, hour)


def test_arrow_times_before_1970_and_with_nanoseconds_are_cut_off_like_others(read_arrow):
    column = pa.array([-1, 1704067200123456789], pa.timestamp("ns"))
    rows, _ = read_arrow(pa.table({"timestamp": column, "a": [1.0, 2.0]}))
    assert rows.index.astype("int64").tolist() == [-1, 1704067200123456]


def test_arrow_times_follow_the_same_rules_of_clock_and_calendar(read_arrow):
    local = [datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 2, 0)]
    far = [2**62, -(2**61)]
    table = pa.table({"timestamp": pa.array(local, pa.timestamp("us")), "a": [1.0, 2.0, 3.0]})
    rows, refused = read_arrow(table, zone=BERLIN)
    assert [str(moment)[11:16] for moment in rows.index] == ["00:30", "01:00"]
    assert [line for line, _ in refused] == [1]
    _, refused = read_arrow(pa.table({"timestamp": pa.array(far, pa.timestamp("s")), "a": [1.0, 2.0]}))
    assert ["outside the years 1 to 9999" in reason for _, reason in refused] == [True, True]


def test_dates_and_numbers_are_times_in_arrow_too(read_arrow):
    day = (datetime(2024, 5, 1) - datetime(1970, 1, 1)) // timedelta(days=1)
    for column in (
        pa.array([day], pa.date32()),
        pa.array([day * 86_400_000], pa.date64()),
        pa.array([day * 86_400], pa.int64()),
        pa.array([day * 86_400.0]),
        pa.array(["2024-05-01"]).dictionary_encode(),
        pa.array(["2024-05-01T00:00:00"], pa.string_view()),
    ):
        rows, refused = read_arrow(pa.table({"timestamp": column, "a": [1.0]}))
        assert (str(rows.index[0]), refused) == ("2024-05-01 00:00:00", []), column.type


def test_many_bad_times_cost_no_more_than_their_number(read_arrow):
    _, refused = read_arrow(pa.table({"timestamp": ["x"] * 50_000, "a": np.zeros(50_000)}))
    assert len(refused) == 100


@pytest.fixture
def read_arrow():
    """Return a function that reads a table as an Arrow stream: rows as pandas has them, and refusals."""
    import pyarrow.ipc

    from feature_service.adapters.body.arrow_reader import ArrowReader
    from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
    from feature_service.domain.ingest.rejection import Rejections
    from feature_service.domain.ingest.schema import FieldSchema

    def read(table, **plan):
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        rejections = Rejections()
        made = IngestPlan(format=BodyFormat.ARROW, **plan)
        blocks = list(ArrowReader().rows(io.BytesIO(sink.getvalue()), made, FieldSchema({}, is_open=True), rejections))
        times = np.concatenate([block.frame.timestamps for block in blocks])
        rows = pd.DataFrame({"a": np.zeros(len(times))}, index=pd.DatetimeIndex(times))
        return rows, [(refused.line, refused.reason) for refused in rejections.listed]

    return read
