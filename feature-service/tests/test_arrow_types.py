"""Arrow and Parquet: every type that a field can hold, and bodies that are cut or wrong as a whole."""

import io
import tracemalloc
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

from feature_service.adapters.body.arrow_batch import BATCH_ROWS
from feature_service.adapters.body.arrow_reader import ArrowReader, ParquetReader
from feature_service.adapters.body.arrow_text import text_bytes
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument, PayloadTooLarge

TIMES = pa.array([0, 1], pa.timestamp("us"))


def stream(table, batch=None):
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)
    return sink.getvalue()


def parquet(table):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def read(body, reader=None, known=None, **plan):
    schema, rejections = FieldSchema(known or {}, is_open=True), Rejections()
    made = IngestPlan(format=BodyFormat.ARROW, **plan)
    blocks = list((reader or ArrowReader()).rows(io.BytesIO(body), made, schema, rejections))
    columns = [{**block.frame.numbers, **block.frame.texts} for block in blocks]
    values = {name: [value for each in columns for value in each[name].tolist()] for name in columns[0]}
    return values, schema, rejections


STORED_AS_TEXT = pa.array(["x", None], pa.string())


class Unit(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.float64(), "penstock.test.unit")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None], pa.uint64()), [1.0, None]),
        (pa.array([2**63 + 2**11, 2**64 - 1], pa.uint64()), [float(2**63 + 2**11), float(2**64)]),
        (pa.array([1, -2], pa.int8()), [1.0, -2.0]),
        (pa.array(np.array([1.5, -2.5], np.float16)), [1.5, -2.5]),
        (pa.array([Decimal("3.30"), None]), [3.3, None]),
        (pa.array([Decimal("3.30"), Decimal("-0.07")], pa.decimal256(40, 2)), [3.3, -0.07]),
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([timedelta(seconds=1.5), timedelta(days=-1)], pa.duration("ms")), [1.5, -86400.0]),
        (pa.array([2, 2]).dictionary_encode(), [2.0, 2.0]),
        (pa.RunEndEncodedArray.from_arrays([2], [7.5]), [7.5, 7.5]),
        (STORED_AS_TEXT, ["x", None]),
        (pa.array(["", "y"], pa.large_string()), [None, "y"]),
        (pa.array(["x", "y"], pa.string_view()), ["x", "y"]),
        (pa.array(["x", None], pa.large_string()).dictionary_encode(), ["x", None]),
        (pa.array([date(2024, 5, 1), None]), ["2024-05-01", None]),
        (pa.array([time(10, 30), time(0, 0, 1)], pa.time64("us")), ["10:30:00.000000", "00:00:01.000000"]),
        (pa.array([datetime(2024, 5, 1, 10), None], pa.timestamp("s")), ["2024-05-01T10:00:00", None]),
        (
            pa.array([datetime(2024, 5, 1, 10, tzinfo=UTC), None], pa.timestamp("s", tz="Europe/Berlin")),
            ["2024-05-01T10:00:00Z", None],
        ),
        (pa.ExtensionArray.from_storage(Unit(), pa.array([1.5, 2.5])), [1.5, 2.5]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_every_type_of_single_values_is_a_number_or_a_text(column, expected):
    values, schema, _ = read(stream(pa.table({"timestamp": TIMES, "a": column})))
    found = [None if value is None or value != value else value for value in values["a"]]  # noqa: PLR0124
    assert found == expected
    assert schema.seen["a"] is (
        FieldKind.TEXT if any(isinstance(value, str) for value in expected) else FieldKind.NUMBER
    )


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1], [2]]),
        pa.array([{"x": 1}, {"x": 2}]),
        pa.array([b"x", b"y"]),
        pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    ],
    ids=lambda column: str(column.type),
)
def test_a_type_that_no_field_can_hold_is_refused_by_its_column_which_can_be_left_out(column):
    body = stream(pa.table({"timestamp": TIMES, "a": column, "b": [1.0, 2.0]}))
    with pytest.raises(InvalidArgument, match=r"column 'a' is of type .* ignore_columns=a") as caught:
        read(body)
    assert caught.value.reason == "FIELD_TYPE_UNSUPPORTED"
    assert read(body, ignored=frozenset({"a"}))[0] == {"b": [1.0, 2.0]}


def test_a_column_of_nothing_is_left_out():
    assert read(stream(pa.table({"timestamp": TIMES, "a": pa.nulls(2), "b": [1.0, 2.0]})))[0] == {"b": [1.0, 2.0]}


@pytest.mark.parametrize(("write", "reader"), [(stream, ArrowReader()), (parquet, ParquetReader())])
def test_the_index_of_pandas_is_the_time_or_is_left_out(write, reader):
    table = pa.table({"b": [1.0, 2.0], "__index_level_0__": TIMES})
    assert read(write(table), reader)[0] == {"b": [1.0, 2.0]}
    table = pa.table({"timestamp": TIMES, "b": [1.0, 2.0], "__index_level_0__": [0, 1]})
    values, _, rejections = read(write(table), reader)
    assert (values, rejections.notes) == ({"b": [1.0, 2.0]}, ["__index_level_0__ was left out, as an index"])


def test_a_column_that_appears_twice_is_refused():
    table = pa.table([TIMES, pa.array([1.0, 2.0]), pa.array([3.0, 4.0])], names=["timestamp", "a", "a"])
    with pytest.raises(InvalidArgument, match="column 'a' appears more than once"):
        read(stream(table))


def test_a_device_column_may_be_a_dictionary():
    table = pa.table({"timestamp": TIMES, "device": pa.array(["d1", None]).dictionary_encode(), "a": [1.0, 2.0]})
    plan = IngestPlan(format=BodyFormat.ARROW, device_column="device")
    assert ArrowReader().devices(io.BytesIO(stream(table)), plan) == {"d1"}
    values, _, rejections = read(stream(table), device_column="device")
    assert values == {"a": [1.0]}
    assert [(each.line, each.reason) for each in rejections.listed] == [(2, "the row names no device")]


WHOLE = stream(pa.table({"timestamp": pa.array(range(1000), pa.timestamp("us")), "a": np.arange(1000.0)}), batch=100)


@pytest.mark.parametrize("length", [*range(0, len(WHOLE) - 8, 997), len(WHOLE) - 8, len(WHOLE) - 1])
def test_a_cut_stream_is_refused_wherever_it_was_cut(length):
    with pytest.raises(InvalidArgument, match="not readable as Arrow IPC") as caught:
        read(WHOLE[:length])
    assert caught.value.reason == "BODY_INVALID"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xff\xff\xff\x10\0\0\0" + b"x" * 50,
        b"ARROW1" + b"x" * 50,
        b"\0" * 100,
        WHOLE[:300] + bytes(len(WHOLE) - 300),
    ],
)
def test_garbage_is_refused_as_what_it_is(body):
    with pytest.raises(InvalidArgument, match="not readable as Arrow IPC"):
        read(body)


def test_texts_that_are_no_unicode_are_refused():
    broken = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(np.int32([0, 1, 2])), pa.py_buffer(b"a\xff")])
    with pytest.raises(InvalidArgument, match="not readable as Arrow IPC"):
        read(stream(pa.table({"timestamp": TIMES, "a": broken})))


def endless(rows):
    """So many rows in next to no bytes."""
    times = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int8")), TIMES[:1])
    return pa.table({"time": times.cast(TIMES.type), "x": pa.nulls(rows)})


def test_a_parquet_file_of_equal_rows_without_end_is_refused_before_it_is_read():
    table = endless(3_000_000)
    body = parquet(table)
    assert len(body) < 50_000
    with pytest.raises(PayloadTooLarge, match="3,000,000 rows or more") as caught:
        read(body, ParquetReader())
    assert caught.value.reason == "ROWS_LIMIT_EXCEEDED"
    with pytest.raises(PayloadTooLarge):
        ParquetReader().devices(io.BytesIO(body), IngestPlan(format=BodyFormat.PARQUET, device_column="x"))


@pytest.mark.parametrize("whole", ["stream", "file"])
def test_a_batch_of_arrow_with_rows_without_bytes_is_refused(whole):
    body = {"stream": stream, "file": arrow_file}[whole](pa.table({"x": pa.nulls(30_000_000)}))
    assert len(body) < 1000
    with pytest.raises(PayloadTooLarge) as caught:
        read(body)
    assert caught.value.reason == "ROWS_LIMIT_EXCEEDED"


LONG = "x" * 1_000_000


def many(column, rows):
    """Rows with a time and this column, in which texts are written once each."""
    return pa.table({"time": pa.array(range(rows), pa.timestamp("us")), "text": column})


def dictionary(rows, *, text=LONG, large=False):
    texts = pa.array([text], pa.large_string() if large else pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int32")), texts)


def runs(rows):
    return pa.RunEndEncodedArray.from_arrays(pa.array([rows], pa.int32()), pa.array([LONG]))


def views(rows):
    """Views of one text: pyarrow makes a copy for each row by itself, others need not."""
    made = pa.array([LONG], pa.string_view())
    _, words, data = made.buffers()
    return pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(words.to_pybytes() * rows), data])


@pytest.mark.parametrize("device_column", ["", "text"])
@pytest.mark.parametrize(
    "column",
    [dictionary(50_000), dictionary(50_000, large=True), runs(50_000), views(50_000)],
    ids=["dictionary", "large dictionary", "runs", "views"],
)
def test_a_long_text_in_many_rows_is_refused_before_it_is_written_out(column, device_column):
    body = stream(many(column, 50_000))
    assert len(body) < 4_000_000
    tracemalloc.start()
    try:
        before = pa.total_allocated_bytes()
        with pytest.raises(PayloadTooLarge) as caught:
            read(body, device_column=device_column)
        if device_column:
            with pytest.raises(PayloadTooLarge):
                ArrowReader().devices(io.BytesIO(body), IngestPlan(format=BodyFormat.ARROW, device_column="text"))
        assert pa.total_allocated_bytes() - before < 50_000_000
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.reason == "TEXTS_LIMIT_EXCEEDED"


def test_a_long_text_in_many_small_batches_is_refused_in_the_end():
    body = stream(many(dictionary(2_000), 2_000), batch=100)
    with pytest.raises(PayloadTooLarge) as caught:
        read(body)
    assert caught.value.reason == "TEXTS_LIMIT_EXCEEDED"


@pytest.mark.parametrize("dictionary_pages", [True, False])
def test_a_long_text_in_many_rows_of_parquet_is_refused_before_it_is_written_out(dictionary_pages):
    sink = io.BytesIO()
    plain = many(dictionary(400).dictionary_decode(), 400)
    pyarrow.parquet.write_table(plain, sink, use_dictionary=dictionary_pages, compression="ZSTD")
    body = sink.getvalue()
    assert len(body) < 4_000_000
    before = pa.total_allocated_bytes()
    with pytest.raises(PayloadTooLarge) as caught:
        read(body, ParquetReader())
    assert caught.value.reason == "TEXTS_LIMIT_EXCEEDED"
    assert pa.total_allocated_bytes() - before < 50_000_000


@pytest.mark.parametrize("reader", [ArrowReader, ParquetReader])
def test_labels_that_are_written_once_each_are_read_in_as_many_rows_as_there_are(reader):
    table = many(dictionary(300_000, text="a label of a usual length"), 300_000)
    body = stream(table) if reader is ArrowReader else parquet(table)
    values, _, _ = read(body, reader())
    assert values["text"] == ["a label of a usual length"] * 300_000


def test_what_no_field_can_hold_is_not_written_out_either():
    lists = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, "int32")), pa.array([[1.0] * 1_000_000]))
    body = stream(many(lists, 100_000))
    before = pa.total_allocated_bytes()
    for plan in ({}, {"device_column": "text"}, {"timestamp_column": "text"}):
        with pytest.raises(InvalidArgument):
            read(body, **plan)
    assert pa.total_allocated_bytes() - before < 50_000_000


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["abc", None, "ä"]), 5),
        (pa.array(["abc", None, "ä"]).dictionary_encode(), 5),
        (pa.array(["abc", None, "ä", "ä"]).dictionary_encode().slice(2), 4),
        (pa.array(["abc", None, "a" * 40], pa.string_view()), 43),
        (pa.array(["abc", None, "a" * 40], pa.string_view()).slice(1), 40),
        (pa.RunEndEncodedArray.from_arrays([2, 5], pa.array(["abc", "de"])), 12),
        (pa.RunEndEncodedArray.from_arrays([2, 5], pa.array(["abc", "de"])).slice(1, 2), 5),
        (pa.array([1.0, 2.0]), 0),
        (pa.array([2, 2]).dictionary_encode(), 0),
        (pa.array([], pa.string()).dictionary_encode(), 0),
        (pa.array([None, None], pa.string()).dictionary_encode(), 0),
    ],
)
def test_the_bytes_of_texts_are_known_without_writing_them_out(column, expected):
    assert text_bytes(column) == expected


def test_a_body_that_packs_well_is_read():
    rows = 1_000_000
    table = pa.table({"time": pa.array(np.arange(rows), pa.timestamp("s")), "x": np.zeros(rows)})
    values, _, rejections = read(parquet(table), ParquetReader())
    assert (len(values["x"]), rejections.count) == (rows, 0)


def arrow_file(table):
    sink = io.BytesIO()
    with pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_a_large_batch_is_read_in_pieces_whose_bad_rows_have_their_place_in_the_body():
    count = BATCH_ROWS + 2
    values = np.arange(count, dtype=np.float64)
    values[[3, BATCH_ROWS + 1]] = np.inf
    table = pa.table({"timestamp": (np.arange(count) * 1_000_000).astype("datetime64[us]"), "v": values})
    schema, rejections = FieldSchema({}, is_open=True), Rejections()
    made = IngestPlan(format=BodyFormat.ARROW)
    blocks = list(ArrowReader().rows(io.BytesIO(stream(table)), made, schema, rejections))
    assert [len(block) for block in blocks] == [BATCH_ROWS - 1, 1]
    assert [each.line for each in rejections.listed] == [4, BATCH_ROWS + 2]
