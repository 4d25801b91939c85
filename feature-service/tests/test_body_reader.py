"""Bodies of rows in every format: what is read, what is refused and why."""

import io
from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from feature_service.adapters.body.arrow_reader import ArrowReader, ParquetReader
from feature_service.adapters.body.csv_reader import CsvReader, guess_delimiter
from feature_service.adapters.body.json_reader import JsonReader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.timestamp_cell import parse_time
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument, PayloadTooLarge, Unprocessable


def read(reader, body, known=None, *, is_open=True, **plan):
    """All frames of a body as one pandas frame, and the rejections as (line, reason)."""
    body = io.BytesIO(body.encode() if isinstance(body, str) else body)
    schema, rejections = FieldSchema(known or {}, is_open=is_open), Rejections()
    reader.target(body)
    plan = IngestPlan(format=BodyFormat.CSV, **plan)
    frames = [
        pd.DataFrame({**block.frame.numbers, **block.frame.texts}, index=pd.DatetimeIndex(block.frame.timestamps))
        for block in reader.rows(body, plan, schema, rejections)
    ]
    rows = pd.concat(frames) if frames else pd.DataFrame()
    return rows, [(refused.line, refused.reason) for refused in rejections.listed]


def read_csv(body, known=None, **plan):
    return read(CsvReader(), body, known, **plan)


def read_json(rows, known=None, **plan):
    return read(JsonReader(), orjson.dumps({"device_code": "d", "rows": rows}), known, **plan)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_separator_is_found_in_the_header(delimiter):
    body = "timestamp,Flow Rate,label\n2024-05-01 10:00:00,1.5,good\n".replace(",", delimiter)
    rows, refused = read_csv(body)
    assert rows.reset_index().to_numpy().tolist() == [[pd.Timestamp("2024-05-01 10:00"), 1.5, "good"]]
    assert list(rows) == ["Flow Rate", "label"]
    assert refused == []


def test_the_separator_is_looked_for_outside_of_quotes():
    assert guess_delimiter('"a;b;c;d",e,f') == ","


def test_a_byte_order_mark_crlf_quotes_and_blank_lines_are_understood():
    body = '\ufefftimestamp,"a ""b"", c"\r\n2024-05-01T10:00:00Z,"1"\r\n\r\n2024-05-01T10:00:01Z,2\r\n'
    rows, refused = read_csv(body)
    assert list(rows) == ['a "b", c']
    assert rows.iloc[:, 0].tolist() == [1.0, 2.0]
    assert refused == []


def test_a_malformed_row_is_refused_with_its_line_and_the_others_are_kept():
    body = (
        "timestamp,a,b\n"
        "2024-05-01 10:00:00,1,2\n"
        "2024-05-01 10:00:01,oops,2\n"
        "not a time,1,2\n"
        "2024-05-01 10:00:03,1\n"
        "2024-05-01 10:00:04,inf,2\n"
        ",1,2\n"
        "2024-05-01 10:00:06,7,8\n"
    )
    rows, refused = read_csv(body)
    assert rows["a"].tolist() == [1.0, 7.0]
    assert sorted(refused) == [
        (3, "a: 'oops' is not a number"),
        (4, "timestamp 'not a time' is not a time; write ISO 8601, as 2024-05-01T10:00:00Z"),
        (5, "the row has 2 cells, the header has 3"),
        (6, "a: 'inf' is not a number"),
        (7, "timestamp is missing"),
    ]


def test_lines_are_counted_across_quoted_line_breaks():
    body = 'timestamp,a,note\n2024-05-01 10:00:00,1,"two\nlines"\n2024-05-01 10:00:01,x,y\n2024-05-01 10:00:02,3,z\n'
    rows, refused = read_csv(body)
    assert rows["note"].tolist() == ["two\nlines", "z"]
    assert refused == [(4, "a: 'x' is not a number")]


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "NaN", "null", "None", "-"])
def test_an_empty_cell_is_a_missing_number(cell):
    rows, refused = read_csv(f"timestamp,a\n2024-05-01,1\n2024-05-02,{cell}\n")
    assert np.isnan(rows["a"].iloc[1])
    assert refused == []


def test_true_and_false_are_one_and_zero():
    rows, _ = read_csv("timestamp,a\n2024-05-01,true\n2024-05-02,False\n")
    assert rows["a"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1e999", "1,5"])
def test_what_only_looks_like_a_number_is_refused(cell):
    _, refused = read_csv(f"timestamp;a\n2024-05-01;1.5\n2024-05-02;2.5\n2024-05-03;{cell}\n")
    assert len(refused) == 1
    assert f"a: '{cell}' is not a number" in refused[0][1]
    assert ("decimals with a point" in refused[0][1]) == (cell == "1,5")


def test_a_known_field_keeps_its_kind():
    rows, refused = read_csv("timestamp,code\n2024-05-01,17\n", {"code": FieldKind.TEXT})
    assert rows["code"].tolist() == ["17"]
    assert refused == []


def test_a_column_without_values_is_left_out_until_it_has_some():
    rows, _ = read_csv("timestamp,a,b\n2024-05-01,1,\n")
    assert list(rows) == ["a"]


def test_many_blocks_keep_their_order_and_lines():
    lines = [f"2024-05-01 00:00:00.{index:06d},{index}" for index in range(120_000)]
    lines[110_000] = "2024-05-01 00:00:01,bad"
    rows, refused = read_csv("timestamp,a\n" + "\n".join(lines))
    assert len(rows) == 119_999
    assert rows["a"].iloc[-1] == 119_999
    assert refused == [(110_002, "a: 'bad' is not a number")]


def test_times_without_a_zone_are_in_the_zone_given():
    rows, _ = read_csv(
        "timestamp,a\n2024-07-01 12:00:00,1\n2024-07-01T12:00:00+00:00,2\n", zone=ZoneInfo("Europe/Berlin")
    )
    assert [str(moment) for moment in rows.index] == ["2024-07-01 10:00:00", "2024-07-01 12:00:00"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00"),
        ("2024-05-01 12:00:00.25+02:00", "2024-05-01T10:00:00.25"),
        ("2024/05/01 10:00", "2024-05-01T10:00:00"),
        ("20240501", "2024-05-01T00:00:00"),
        ("1714557600", "2024-05-01T10:00:00"),
        (1714557600.5, "2024-05-01T10:00:00.5"),
        (1714557600000, "2024-05-01T10:00:00"),
        (1714557600000000, "2024-05-01T10:00:00"),
        (1714557600000000000, "2024-05-01T10:00:00"),
    ],
)
def test_times_are_read_in_many_forms(cell, expected):
    assert np.datetime64(parse_time(cell, UTC), "us") == np.datetime64(expected, "us")


@pytest.mark.parametrize("cell", ["tomorrow", "", None, True, [], "2024-13-01", float("inf")])
def test_what_is_no_time_is_refused(cell):
    with pytest.raises(ValueError, match="timestamp"):
        parse_time(cell, UTC)


def test_a_time_column_of_another_likely_name_is_found():
    rows, _ = read_csv("datetime;a\n2024-05-01;1\n")
    assert list(rows) == ["a"]


def test_a_missing_time_column_is_answered_with_the_columns_there_are():
    with pytest.raises(InvalidArgument, match=r"no column 'when'; the columns are: a, b") as caught:
        read_csv("a,b\n1,2\n", timestamp_column="when")
    assert caught.value.reason == "TIMESTAMP_COLUMN_NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "first line must name"),
        ("timestamp\n2024-05-01\n", "first line must name"),
        ("timestamp,a,a\n", "'a' appears more than once"),
        ("timestamp,a,\n", "column 3 has no name: give it one or leave it out"),
        (b"timestamp,a\n2024-05-01,\xff\xfe\n", "not UTF-8"),
        ("timestamp,a\n2024-05-01," + "x" * 200_000 + "\n", "line 2 of the CSV can't be read"),
    ],
)
def test_a_body_that_is_no_csv_is_refused_as_a_whole(body, message):
    with pytest.raises(InvalidArgument, match=message):
        read_csv(body)


def test_unknown_fields_of_a_closed_schema_are_refused():
    with pytest.raises(InvalidArgument, match=r"unknown field 'b'; the device has: a \(create=true"):
        read_csv("timestamp,a,b\n2024-05-01,1,2\n", {"a": FieldKind.NUMBER}, is_open=False)


def test_only_the_first_hundred_refusals_are_listed_but_all_are_counted():
    body = "timestamp,a\n" + "never,1\n" * 250
    rejections = Rejections()
    plan = IngestPlan(format=BodyFormat.CSV)
    frames = list(CsvReader().rows(io.BytesIO(body.encode()), plan, FieldSchema({}, is_open=True), rejections))
    assert sum(map(len, frames)) == 0
    assert (rejections.count, len(rejections.listed)) == (250, 100)


def test_json_rows_may_differ_in_their_fields():
    rows, refused = read_json(
        [{"timestamp": "2024-05-01T10:00:00Z", "a": 1, "Flow Rate": 2}, {"timestamp": 1714557601, "a": None, "b": "x"}]
    )
    assert rows["a"].tolist()[0] == 1.0
    assert np.isnan(rows["a"].tolist()[1])
    assert rows["b"].tolist() == [None, "x"] or pd.isna(rows["b"].iloc[0])
    assert refused == []


def test_json_rows_of_wrong_types_are_refused_by_their_number():
    rows, refused = read_json(
        [
            {"timestamp": 1714557600, "a": 1},
            {"timestamp": 1714557601, "a": "1"},
            {"timestamp": 1714557602, "a": [1]},
            "row",
            {"a": 1},
            {"timestamp": 1714557605, "a": True},
            {"timestamp": 1714557606, "a": 10**400},
        ][:6],
        {"a": FieldKind.NUMBER},
    )
    assert rows["a"].tolist() == [1.0, 1.0]
    assert sorted(refused) == [
        (2, "a: '1' is not a number"),
        (3, "a: [1] is not a number"),
        (4, "the row is not an object"),
        (5, "timestamp is missing"),
    ]


def test_a_json_row_with_an_unknown_field_is_refused_alone():
    rows, refused = read_json(
        [{"timestamp": 1714557600, "a": 1}, {"timestamp": 1714557601, "z": 1}], {"a": FieldKind.NUMBER}, is_open=False
    )
    assert len(rows) == 1
    assert refused[0][0] == 2
    assert "unknown field 'z'" in refused[0][1]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"rows": {}}', b'{"rows": [], "device_code": 5}', b"\xff", b"[" * 100_000]
)
def test_a_body_that_is_no_rows_document_is_refused_as_a_whole(body):
    with pytest.raises(InvalidArgument, match="JSON body is wrong"):
        read(JsonReader(), body)


def test_a_json_body_over_the_limit_is_refused():
    with pytest.raises(PayloadTooLarge, match="may have 10 bytes"):
        read(JsonReader(max_bytes=10), b'{"rows": []}')


def arrow_table():
    return pa.table(
        {
            "timestamp": pa.array([1714557600, 1714557601, None, 1714557603], pa.timestamp("s")),
            "Flow Rate": pa.array([1.5, None, 3.0, float("inf")]),
            "count": pa.array([1, 2, 3, 4], pa.int32()),
            "on": pa.array([True, False, True, True]),
            "label": pa.array(["good", None, "bad", "bad"]).dictionary_encode(),
        }
    )


def body_of(table, kind):
    sink = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, sink)
        return sink.getvalue()
    opened = pyarrow.ipc.new_stream if kind == "stream" else pyarrow.ipc.new_file
    with opened(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["stream", "file", "parquet"])
def test_arrow_and_parquet_rows_are_read_and_bad_ones_refused(kind):
    reader = ParquetReader() if kind == "parquet" else ArrowReader()
    rows, refused = read(reader, body_of(arrow_table(), kind))
    assert rows["Flow Rate"].tolist()[0] == 1.5
    assert np.isnan(rows["Flow Rate"].tolist()[1])
    assert rows["count"].tolist() == [1.0, 2.0]
    assert rows["on"].tolist() == [1.0, 0.0]
    assert rows["label"].iloc[0] == "good"
    assert pd.isna(rows["label"].iloc[1])
    assert refused == [(3, "timestamp is missing"), (4, "Flow Rate: the value is not finite")]


def test_arrow_times_without_a_zone_are_in_the_zone_given_and_texts_are_parsed():
    table = pa.table({"timestamp": pa.array(["2024-07-01 12:00:00", "x"]), "a": [1, 2]})
    rows, refused = read(ArrowReader(), body_of(table, "stream"), zone=ZoneInfo("Europe/Berlin"))
    assert str(rows.index[0]) == "2024-07-01 10:00:00"
    assert refused[0][0] == 2
    stamped = pa.table({"timestamp": pa.array([pd.Timestamp("2024-07-01 12:00")]), "a": [1]})
    rows, _ = read(ArrowReader(), body_of(stamped, "stream"), zone=ZoneInfo("Europe/Berlin"))
    assert str(rows.index[0]) == "2024-07-01 10:00:00"


@pytest.mark.parametrize("reader", [ArrowReader(), ParquetReader()])
def test_bytes_that_are_no_arrow_or_parquet_are_refused(reader):
    with pytest.raises(InvalidArgument, match="not readable as"):
        read(reader, b"timestamp,a\n2024-05-01,1\n")


def test_an_arrow_column_of_another_kind_than_the_field_is_refused():
    with pytest.raises(InvalidArgument, match="field 'count' holds texts"):
        read(ArrowReader(), body_of(arrow_table(), "stream"), {"count": FieldKind.TEXT})


def test_an_arrow_column_that_no_field_can_hold_is_refused():
    table = pa.table({"timestamp": pa.array([0], pa.timestamp("s")), "a": pa.array([[1, 2]])})
    with pytest.raises(InvalidArgument, match="column 'a' is of type list"):
        read(ArrowReader(), body_of(table, "stream"))


# --- small bodies that would take much memory or time ------------------------------------------------------------

ROW = "2024-05-01T10:00:00Z"


class Counted(io.BytesIO):
    """A body that says how many bytes of it were read."""

    taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data

    def read1(self, size=-1):
        data = super().read1(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"", b"\0" * 5),
        (f"timestamp,a\n{ROW},1\n".encode(), b"11111"),
        (b"timestamp,a\n", b'"a\n",'),
        ("timestamp,a\n".encode("utf-16"), "11".encode("utf-16-le")),
    ],
    ids=["zeros", "a line", "a row over many lines", "UTF-16"],
)
def test_an_endless_csv_row_is_refused_before_all_of_it_is_held(begin, piece):
    body = begin + piece * 8_000_000
    counted = Counted(body)
    with pytest.raises(InvalidArgument, match="longer than 1048576") as caught:
        list(CsvReader().rows(counted, IngestPlan(format=BodyFormat.CSV), FieldSchema({}, is_open=True), Rejections()))
    assert caught.value.reason == "CSV_INVALID"
    # Its line ends are looked for, and the lines of what is refused are counted; no more than a few megabytes are rows.
    assert counted.taken < 2 * len(body) + 8 * 1024 * 1024


def test_a_long_csv_is_read_in_blocks_that_are_bounded_in_cells_and_in_bytes():
    wide = "timestamp," + ",".join(f"f{i}" for i in range(2_000)) + "\n" + (ROW + ",1" * 2_000 + "\n") * 2_500
    long = "timestamp,a,b\n" + (f"{ROW},{'x' * 60_000},{'y' * 60_000}\n") * 400
    for body in (wide, long):
        plan, schema = IngestPlan(format=BodyFormat.CSV), FieldSchema({}, is_open=True)
        blocks = list(CsvReader().rows(io.BytesIO(body.encode()), plan, schema, Rejections()))
        assert len(blocks) >= 2
        assert sum(map(len, blocks)) == body.count("\n") - 1
        assert max(map(len, blocks)) <= 1_000


def test_a_row_of_many_quoted_lines_is_read_across_stretches_of_the_body():
    cell = "y\n" * 50_000
    rows, refused = read_csv("timestamp,a,b\n" + f'{ROW},"{cell}","{cell}"\n' * 12)
    assert (len(rows), refused) == (12, [])
    assert set(rows["a"]) == set(rows["b"]) == {cell}


@pytest.mark.parametrize("encoding", ["idna", "punycode", "unicode_escape"])
def test_an_encoding_whose_decoder_is_slow_or_is_none_for_files_is_refused(encoding):
    with pytest.raises(InvalidArgument) as caught:
        read_csv("timestamp,a\n", encoding=encoding)
    assert caught.value.reason == "ENCODING_INVALID"


@pytest.mark.parametrize("form", ["csv", "json", "arrow"])
def test_a_body_of_more_fields_than_a_device_may_have_is_refused(form):
    names = [f"f{i}" for i in range(10_001)]
    with pytest.raises(Unprocessable) as caught:
        if form == "csv":
            read_csv(f"timestamp,{','.join(names)}\n{ROW}{',1' * len(names)}\n")
        elif form == "json":
            read_json([{"timestamp": ROW, **dict.fromkeys(names, 1)}])
        else:
            table = pa.table({"timestamp": [ROW], **{name: [1.0] for name in names}})
            read(ArrowReader(), body_of(table, "stream"))
    assert caught.value.reason == "FIELDS_LIMIT_EXCEEDED"


def test_a_header_of_many_unknown_fields_is_refused_with_some_of_their_names():
    names = ",".join(f"f{i}" for i in range(100_000))
    with pytest.raises(InvalidArgument) as caught:
        read_csv(f"timestamp,{names}\n", {"a": FieldKind.NUMBER}, is_open=False)
    assert caught.value.reason == "FIELD_NOT_FOUND"
    assert "and 99980 more" in caught.value.message
    assert len(caught.value.message) + len(caught.value.metadata["fields"]) < 1_000


def test_json_rows_that_each_have_fields_of_their_own_make_small_blocks_and_too_many_are_refused():
    rows = [{"timestamp": ROW, f"f{i}": i} for i in range(3_000)]
    read_rows, refused = read_json(rows)
    assert (len(read_rows), refused) == (3_000, [])
    body = orjson.dumps({"rows": rows * 20})
    reader, schema = JsonReader(), FieldSchema({}, is_open=True)
    reader.target(io.BytesIO(body))
    taken = reader.rows(io.BytesIO(body), IngestPlan(format=BodyFormat.JSON), schema, Rejections())
    sizes = []
    with pytest.raises(Unprocessable) as caught:
        sizes.extend(len(block) for block in taken)
    assert caught.value.reason == "CELLS_LIMIT_EXCEEDED"
