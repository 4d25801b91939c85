"""CSV that is parsed at once says what reading it line by line says."""

import io
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from feature_service.adapters.body.csv_reader import CsvReader
from feature_service.adapters.body.csv_table import CsvTable
from feature_service.adapters.body.csv_text import STRETCH, text_of
from feature_service.adapters.body.plain_blocks import PlainBlocks
from feature_service.adapters.body.plain_csv import is_plain
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import PenstockError

STRETCHES = (64, 100, 257, 1000, STRETCH)
# Ways to write a number, a missing one, or what only looks like one.
TOKENS = (
    *("1", "-2", "+3", "1.5", " 1.5", "1.5 ", "\t7", "+1.5", ".5", "5.", "1e3", "1E-3", "1e400", "-1e400", "1e-400"),
    *("0x10", "1_000", "1,5", "1.234,5", "007", "-0", "00.5", "inf", "-Infinity", "nan", "NaN", "NA", "n/a", "null"),
    *("None", "-", "true", "False", "", " ", "abc", "ä", "\u00a02", "٣", "9007199254740993", "9223372036854775807"),
    *("9223372036854775808", "18446744073709551616", "12345678901234567890123", "1.7976931348623157e308", "4.9e-324"),
    *("2.2250738585072011e-308", "0.1000000000000000055511151231257827", "1e", "e1", ".", "1.5f", "nan(1)", "infinit"),
    *("1 2", "0b1", "--1", "1e+05", "'1'"),
)
TIMES = (
    *("2024-05-01 10:00:00", "2024-05-01T10:00:01", "2024-05-01 10:00:02.5", "2024-05-01 10:00:03.123456"),
    *("2024-05-01T10:00:04Z", "2024-05-01T10:00:05+02:00", "2024-05-01T10:00:06+0530", "2024-05-01", "2024-05-01 10"),
    *("2024-05-01 10:00", "20240501", "2024-05-01 10:00:07.1234567", "1714557600", "1714557600123", "1714557600123456"),
    *("1714557600123456789", "-1714557600", "-1714557600000000001", "000000001", "1714557600.5", "0000-01-01 00:00:00"),
    *("9999-12-31 23:59:59.999999", "2024-02-30 00:00:00", "2024-05-01 24:00:00", "2024-05-01 10:00:60", "", "never"),
    *(" 2024-05-01 10:00:08", "2024/05/01 10:00:09", "2024-03-31 02:30:00", "2024-10-27 02:30:00"),
    *("99999999999999999999", "2024-05-01T10:00:10-00:00", "2024-05-01 10:00:11 Z"),
)


def outcome(body, *, careful, stretch=STRETCH, known=None, **options):
    """Everything that reading a body tells: columns, refusals, notes, fields; or the error."""
    schema, rejections = FieldSchema(known or {}, is_open=True), Rejections()
    plan = IngestPlan(format=BodyFormat.CSV, **options)
    blocks, error = [], None
    try:
        for block in CsvReader(careful=careful, stretch=stretch).rows(io.BytesIO(body), plan, schema, rejections):
            blocks.append(
                (
                    block.frame.timestamps.tolist(),
                    {name: repr(values.tolist()) for name, values in block.frame.numbers.items()},
                    {name: values.tolist() for name, values in block.frame.texts.items()},
                    None if block.devices is None else block.devices.tolist(),
                )
            )
    except PenstockError as raised:
        error = (raised.reason, raised.message, dict(raised.metadata))
    refused = [(each.line, each.reason) for each in rejections.listed]
    return blocks, error, refused, rejections.count, rejections.notes, rejections.rounded, schema.fields()


def assert_the_same(body, **options):
    for stretch in STRETCHES:
        careful = outcome(body, careful=True, stretch=stretch, **options)
        assert outcome(body, careful=False, stretch=stretch, **options) == careful
        whole = outcome(body, careful=True, **options)
        if careful[1] is None and whole[1] is None:
            assert accounted(careful) == accounted(whole)


def accounted(result):
    """The rows that were taken or refused."""
    blocks, _, _, refused, *_ = result
    return sum(len(times) for times, *_ in blocks) + refused


cells = st.one_of(st.sampled_from(TOKENS), st.floats(width=64).map(repr), st.integers().map(str))
columns = st.lists(cells, min_size=1, max_size=30)


def options():
    """How a body may be read, and of what fields something is known."""
    known = [{}, {"a": FieldKind.NUMBER}, {"a": FieldKind.TEXT}, {"b": FieldKind.NUMBER}]
    return st.fixed_dictionaries(
        {
            "known": st.sampled_from(known),
            "partial": st.booleans(),
            "zone": st.sampled_from([UTC, ZoneInfo("Europe/Berlin")]),
            "delimiter": st.sampled_from([";", "\t", "|"]),
        }
    )


PLAIN = {"known": {"a": FieldKind.NUMBER}, "partial": False, "zone": UTC, "delimiter": ";"}


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(a=columns, b=columns, times=st.lists(st.sampled_from(TIMES), min_size=1, max_size=4), options=options())
@example(a=["007"], b=["", "1"], times=[TIMES[0]], options=PLAIN)
@example(a=["1", "", "007"], b=["1"], times=[TIMES[4]], options=PLAIN)
def test_columns_of_any_cells_are_read_as_line_by_line(a, b, times, options):
    mark = options["delimiter"]
    rows = [("timestamp", "a", "b")]
    for index in range(max(len(a), len(b))):
        rows.append((times[index % len(times)], a[index % len(a)], b[index % len(b)]))
    lines = [mark.join(cell.replace(mark, "") for cell in row) for row in rows]
    assert_the_same("\n".join(lines).encode(), **options)
    assert_the_same("\ufeff{}\r\n".format("\r\n".join(lines)).encode(), **options)


lines = st.sampled_from(
    (
        *("", " ", ",,", "2024-05-01 10:00:00,1,2", "2024-05-01 10:00:00,1", "2024-05-01 10:00:00,1,2,3"),
        *('2024-05-01 10:00:00,"1","x, y"', '2024-05-01 10:00:00,1,"two\nlines"', "2024-05-01 10:00:00,,"),
        *('2024-05-01 10:00:00,1,"two\r\nlines"', '2024-05-01 10:00:00,1,"open', 'closed"'),
        *('2024-05-01 10:00:00,1,say ""hi""', "2024-05-01 10:00:00,x\0y,1"),
    )
)


@settings(deadline=None, max_examples=100)
@given(
    body=st.lists(st.tuples(lines, st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])), max_size=30),
    end=st.booleans(),
    partial=st.booleans(),
)
def test_quotes_blank_lines_ragged_rows_and_any_line_ends_are_read_as_line_by_line(body, end, partial):
    text = "".join(line + mark for line, mark in body)
    assert_the_same(f"timestamp,a,b\n{text if end else text.rstrip()}".encode(), partial=partial)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80"])
@pytest.mark.parametrize("partial", [False, True])
def test_a_byte_that_is_no_text_ends_the_body_where_it_does_line_by_line(bad, partial):
    rows = b"".join(b"2024-05-01 10:00:%02d,%d,x\n" % (second, second) for second in range(50))
    assert_the_same(b"timestamp,a,b\n" + rows + b"2024-05-01 10:01:00,1," + bad + b"\n" + rows, partial=partial)


@settings(deadline=None, max_examples=60)
@given(
    devices=st.lists(st.sampled_from(["d1", " d2 ", "", "d3", "7", "ä"]), min_size=1, max_size=20),
    quoted=st.booleans(),
)
def test_the_devices_of_rows_are_those_that_line_by_line_finds(devices, quoted):
    rows = "".join(f"2024-05-01 10:00:{index:02},{index},{device}\n" for index, device in enumerate(devices))
    body = f"timestamp,a,device\n{rows}{'2024-05-01,1,' if quoted else ''}"
    body = (body + ('"d,4"\n' if quoted else "")).encode()
    plan = IngestPlan(format=BodyFormat.CSV, device_column="device")
    for stretch in STRETCHES:
        fast, careful = (
            CsvReader(careful=careful, stretch=stretch).devices(io.BytesIO(body), plan) for careful in (False, True)
        )
        assert fast == careful
    assert_the_same(body, device_column="device")


def test_a_name_given_twice_is_refused_before_anything_is_parsed():
    for careful in (False, True):
        _, error, *_ = outcome(b"timestamp,a,a\n2024-05-01 10:00:00,1,2\n", careful=careful)
        assert error is not None
        assert error[0] == "CSV_INVALID"


def test_a_refused_row_in_the_third_stretch_is_told_with_the_line_of_the_file():
    rows = [f"2024-05-01 10:{index // 60:02}:{index % 60:02},{index},x" for index in range(60)]
    rows[3] += "\n"  # a blank line
    rows[7] = '2024-05-01 10:00:07,7,"two\nlines"'
    rows[55] = "2024-05-01 10:00:55,many,x"
    body = ("timestamp,a,b\n" + "\n".join(rows) + "\n").encode()
    line = body.split(b"many")[0].count(b"\n") + 1
    for stretch in (64, 256, 1024):
        _, _, refused, *_ = outcome(body, careful=False, stretch=stretch, known={"a": FieldKind.NUMBER})
        assert refused == [(line, "a: 'many' is not a number")]


def test_plain_stretches_are_parsed_at_once_and_others_are_not():
    assert parsed_rows(b"timestamp,a\n" + b"2024-05-01 10:00:00,1\n" * 20) == 20
    assert parsed_rows(b"timestamp,a\n" + b'2024-05-01 10:00:00,"1"\n' * 20) == 0


def parsed_rows(body):
    """The rows of the blocks that are parsed at once, from the start of the body."""
    plan, schema = IngestPlan(format=BodyFormat.CSV), FieldSchema({}, is_open=True)
    with text_of(io.BytesIO(body), "") as text:
        blocks = PlainBlocks(CsvTable(text, plan, Rejections()), is_on=True).blocks(plan, schema, 1000)
        return sum(len(block.lines) for block in blocks)


@pytest.mark.parametrize("stretch", [b'a,"b"\n', b"a\0,b\n", b"a\rb,c\n", b"\xff,b\n", b"x" * 200_000 + b",1\n"])
def test_what_csv_may_read_otherwise_is_not_plain(stretch):
    assert not is_plain(stretch, ",")
    assert is_plain(b"a,b\r\n1,2\r\n", ",")
    assert not is_plain(b"a b\n", " ")
