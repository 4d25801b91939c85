"""CSV times as spreadsheets and loggers write them: date and time in two columns, day or month first, AM and PM."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.body.csv_reader import CsvReader
from feature_service.domain.ingest.date_format import DateOrder, iso_times
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.timestamp_cell import parse_time
from feature_service.edge.convert import plan_from_proto
from penstock_kit.errors import InvalidArgument


def read(body, **plan):
    """Return the times and fields of the good rows, and the refused ones."""
    schema, rejections = FieldSchema({}, is_open=True), Rejections()
    made = IngestPlan(format=BodyFormat.CSV, **plan)
    blocks = list(CsvReader().rows(io.BytesIO(body.encode()), made, schema, rejections))
    times = [str(time) for block in blocks for time in block.frame.timestamps]
    return (
        times,
        sorted(field.name for field in schema.fields()),
        [(each.line, each.reason) for each in rejections.listed],
    )


def test_date_and_time_of_day_may_stand_in_two_columns():
    times, fields, refused = read("date;time;v\n2026-01-31;08:00:05;1\n2026-01-31;9:30;2\n", clock_column="time")
    assert times == ["2026-01-31T08:00:05.000000", "2026-01-31T09:30:00.000000"]
    assert (fields, refused) == (["v"], [])


def test_a_row_without_its_time_of_day_is_refused_not_put_at_midnight():
    times, _, refused = read("date,time,v\n2026-01-31,,1\n,08:00,2\n2026-01-31,08:00,3\n", clock_column="time")
    assert times == ["2026-01-31T08:00:00.000000"]
    assert refused == [(2, "timestamp is missing"), (3, "timestamp is missing")]


@pytest.mark.parametrize(
    ("written", "order", "meant"),
    [
        ("31.01.2026 08:00:00", "dmy", "2026-01-31T08:00:00.000000"),
        ("1/2/2026 08:00", "dmy", "2026-02-01T08:00:00.000000"),
        ("1/2/2026 08:00", "mdy", "2026-01-02T08:00:00.000000"),
        ("01-02-2026T08:00:00.25", "dmy", "2026-02-01T08:00:00.250000"),
        ("01.02.2026", "dmy", "2026-02-01T00:00:00.000000"),
        ("02/03/2026 12:00:01 AM", "mdy", "2026-02-03T00:00:01.000000"),
        ("02/03/2026 12:30 pm", "mdy", "2026-02-03T12:30:00.000000"),
        ("02/03/2026 10 p.m.", "mdy", "2026-02-03T22:00:00.000000"),
        ("31.01.2026 08:00:00+02:00", "dmy", "2026-01-31T06:00:00.000000"),
        ("2026-01-31 08:00:00", "dmy", "2026-01-31T08:00:00.000000"),
    ],
)
def test_a_date_with_its_year_last_is_read_in_the_order_that_is_named(written, order, meant):
    times, _, refused = read(f"timestamp;v\n{written};1\n", date_order=DateOrder(order))
    assert (times, refused) == ([meant], [])


@pytest.mark.parametrize(
    ("written", "order", "meant"),
    [
        ("31.01.26 08:00", "dmy", "2026-01-31T08:00:00.000000"),
        ("1/31/69", "mdy", "1969-01-31T00:00:00.000000"),
        ("01-Jan-68 8:00 PM", "dmy", "2068-01-01T20:00:00.000000"),
    ],
)
def test_a_year_of_two_digits_is_read_as_posix_has_it_once_the_order_is_named(written, order, meant):
    times, _, refused = read(f"timestamp;v\n{written};1\n", date_order=DateOrder(order))
    assert (times, refused) == ([meant], [])


@pytest.mark.parametrize("written", ["31.01.26 08:00", "01-Jan-26", "26-Jan-01 08:00"])
def test_a_year_of_two_digits_is_refused_with_the_setting_to_give(written):
    _, _, ((_, reason),) = read(f"timestamp;v\n{written};1\n")
    assert reason.endswith("name the order of day, month and year with date_order=dmy or mdy")


NAMED = [
    ("01-Jan-2026", "2026-01-01T00:00:00.000000"),
    ("1-JAN-2026 08:00:00", "2026-01-01T08:00:00.000000"),
    ("01 January 2026 8:00:00.5 PM", "2026-01-01T20:00:00.500000"),
    ("Jan 1, 2026 08:00", "2026-01-01T08:00:00.000000"),
    ("Sept 3rd 2026", "2026-09-03T00:00:00.000000"),
    ("Thu, 01 Jan 2026 08:00:00 GMT", "2026-01-01T08:00:00.000000"),
    ("2026-Jan-01 08:00", "2026-01-01T08:00:00.000000"),
    ("01Jan2026:08:00:00", "2026-01-01T08:00:00.000000"),
    ("2026年1月1日", "2026-01-01T00:00:00.000000"),
    ("2026年01月01日 08:00:05", "2026-01-01T08:00:05.000000"),
    ("2026年1月1日8时30分5秒", "2026-01-01T08:30:05.000000"),
    ("2026年1月1日 下午3点", "2026-01-01T15:00:00.000000"),
    ("2026/1/2 8:05", "2026-01-02T08:05:00.000000"),
    ("2026.01.02 08:05:00+02:00", "2026-01-02T06:05:00.000000"),
]


@pytest.mark.parametrize(("written", "meant"), NAMED)
def test_a_date_that_says_which_number_is_the_month_needs_no_setting(written, meant):
    for plan in ({}, {"date_order": DateOrder.MONTH_FIRST}):
        times, _, refused = read(f"timestamp;v\n{written};1\n", **plan)
        assert (times, refused) == ([meant], [])


@pytest.mark.parametrize("date", ["01-Jan-2026", "2026年1月1日", "2026/1/1"])
def test_a_named_date_may_have_its_time_of_day_in_another_column(date):
    times, _, refused = read(f"date;time;v\n{date};8:05;1\n", clock_column="time")
    assert (times, refused) == (["2026-01-01T08:05:00.000000"], [])


def test_a_named_date_is_read_in_every_format_of_a_body():
    for written, meant in NAMED:
        assert np.datetime64(parse_time(written, UTC), "us") == np.datetime64(meant)


@pytest.mark.parametrize(
    "written",
    ["01-Foo-2026", "30-Feb-2026", "2026年13月1日", "2026年1月1日 25:00", "Jan 2026", "2026/31/1", "1 Jan 2026 8"],
)
def test_what_no_calendar_has_is_refused_as_it_was_written_with_its_month_named_too(written):
    times, _, refused = read(f"timestamp;v\n{written};1\n2026-01-31 08:00;2\n")
    assert len(times) == 1
    assert f"timestamp {written!r} is not a time" in refused[0][1]


@pytest.mark.parametrize("order", [None, DateOrder.DAY_FIRST])
def test_a_date_with_its_year_last_is_never_guessed_and_the_refusal_says_what_to_name(order):
    times, _, refused = read("timestamp;v\n01/13/2026 08:00;1\n2026-01-31 08:00;2\n", date_order=order)
    assert times == ["2026-01-31T08:00:00.000000"]
    ((line, reason),) = refused
    assert line == 2
    assert "'01/13/2026 08:00' is not a time" in reason
    assert "date_order=dmy or mdy" in reason


@pytest.mark.parametrize(
    "written", ["31.01.126 08:00", "31.01/2026", "31.02.2026 08:00", "31.01.2026 25:00", "31.01.2026 13:00 pm"]
)
def test_what_is_no_date_and_time_is_refused_as_it_was_written(written):
    times, _, refused = read(f"timestamp;v\n{written};1\n2026-01-31 08:00;2\n", date_order=DateOrder.DAY_FIRST)
    assert len(times) == 1
    assert f"timestamp {written!r} is not a time" in refused[0][1]


@pytest.mark.parametrize(
    ("order", "dates"),
    [
        ("mdy", ["05.01.2026", "13.01.2026"]),
        ("mdy", ["13.01.2026", "05.01.2026"]),
        ("dmy", ["01/05/2026", "1/31/2026"]),
    ],
)
def test_an_order_that_some_dates_can_not_have_is_refused_before_others_are_stored_with_day_and_month_exchanged(
    order, dates
):
    body = "timestamp;v\n" + "".join(f"{date} 08:00;1\n" for date in dates)
    with pytest.raises(InvalidArgument, match=r"date_order=.* is not that of the dates, see '(13|1/31)") as error:
        read(body, date_order=DateOrder(order))
    assert (error.value.reason, error.value.metadata["rows_rejected"]) == ("DATE_ORDER_INVALID", "2")
    assert len(read(body, date_order=DateOrder(order), partial=True)[0]) == 1


def test_dates_that_fit_the_order_are_no_reason_to_refuse_and_neither_is_a_date_that_is_none():
    body = "timestamp;v\n05.01.2026;1\n13.01.2026;2\n41.13.2026;3\n05.05.2026;4\n"
    assert len(read(body, date_order=DateOrder.DAY_FIRST)[0]) == 3


def test_local_times_in_two_columns_are_of_the_zone():
    body = "Datum;Uhrzeit;v\n31.07.2026;08:00;1\n"
    plan = {"timestamp_column": "Datum", "clock_column": "Uhrzeit", "date_order": DateOrder.DAY_FIRST}
    assert read(body, zone=ZoneInfo("Europe/Berlin"), **plan)[0] == ["2026-07-31T06:00:00.000000"]


def test_a_column_of_the_time_of_day_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(
        InvalidArgument, match="no column 'clock' with the time of day; the columns are: date, v"
    ) as error:
        read("date,v\n2026-01-31,1\n", clock_column="clock")
    assert error.value.reason == "TIME_COLUMN_NOT_FOUND"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"format": pb.INGEST_FORMAT_CSV, "date_order": "ymd"}, "DATE_ORDER_INVALID"),
        ({"format": pb.INGEST_FORMAT_PARQUET, "date_order": "dmy"}, "DATE_ORDER_INVALID"),
        ({"format": pb.INGEST_FORMAT_JSON, "time_column": "clock"}, "TIME_COLUMN_INVALID"),
    ],
)
def test_how_times_are_written_is_said_of_csv_alone(options, reason):
    with pytest.raises(InvalidArgument) as error:
        plan_from_proto(pb.IngestOptions(**options))
    assert error.value.reason == reason


@given(
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)),
    st.sampled_from(DateOrder),
    st.sampled_from("./-"),
)
def test_every_moment_is_read_back_in_either_order(moment, order, mark):
    parts = (moment.day, moment.month) if order is DateOrder.DAY_FIRST else (moment.month, moment.day)
    hour, half = moment.hour % 12 or 12, "pm" if moment.hour > 11 else "am"
    written = f"{parts[0]}{mark}{parts[1]}{mark}{moment.year:04} {hour}:{moment:%M:%S.%f} {half}"
    (read_back,) = iso_times([written], order)
    assert datetime.fromisoformat(read_back).replace(tzinfo=UTC) == moment.replace(tzinfo=UTC)
