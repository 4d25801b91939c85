"""Footers of Parquet that would take more than they look like: refused before pyarrow reads them."""

import io
import struct
import subprocess
import sys

import pytest

from feature_service.adapters.body.body_reader import body_reader
from feature_service.adapters.body.compact_protocol import Compact
from feature_service.adapters.body.parquet_footer import MOST_DESCRIBED, MOST_FOOTER, column_chunks
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import InvalidArgument, PayloadTooLarge

# Parts of a footer in Thrift's compact protocol: fields of FileMetaData in their order.
VERSION = b"\x15\x02"
ROOT = b"\x48\x01r\x15\x00\x00"
NODE = b"\x48\x01a\x00"
CHUNK = b"\x26\x00\x00"
CHUNK_OF_NOTHING = b"\x26\x00\x1c\x00\x00"
NO_ROWS = b"\x16\x00"


def number(value):
    """Return a whole number as Thrift writes it."""
    written = b""
    while value > 0x7F:
        written, value = written + bytes([value & 0x7F | 0x80]), value >> 7
    return written + bytes([value])


def structs(field, items, one):
    """Return the field, a list of `items` times the struct."""
    return bytes([field << 4 | 9, 0xFC]) + number(items) + one * items


def group(columns, chunk=CHUNK_OF_NOTHING):
    return structs(1, columns, chunk) + b"\x16\x00\x16\x00\x00"


def parquet(*parts):
    footer = b"".join(parts) + b"\x00"
    return io.BytesIO(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")


def of_groups(groups, columns):
    return parquet(VERSION, structs(1, 1, ROOT), NO_ROWS, structs(1, groups, group(columns)))


def ingested(body):
    plan = IngestPlan(format=BodyFormat.PARQUET, device_code="d")
    reader = body_reader(max_json_bytes=1 << 20)(BodyFormat.PARQUET)
    return list(reader.rows(body, plan, FieldSchema({}, is_open=True), Rejections()))


def test_a_footer_of_more_than_8_mib_is_refused_before_it_is_read():
    padding = b"\x18" + number(MOST_FOOTER) + b"x" * MOST_FOOTER
    with pytest.raises(PayloadTooLarge, match=r"the footer has 8,388,6.. bytes, at most 8,388,608 may be") as raised:
        ingested(parquet(VERSION, padding))
    assert raised.value.reason == "FOOTER_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "body",
    [
        of_groups(1, MOST_DESCRIBED + 1),
        of_groups(11, MOST_DESCRIBED // 10),
        of_groups(MOST_DESCRIBED + 1, 0),
        parquet(VERSION, structs(1, MOST_DESCRIBED + 1, NODE), NO_ROWS),
    ],
    ids=["columns", "columns of several groups", "groups", "schema"],
)
def test_a_footer_that_describes_too_much_is_refused(body):
    with pytest.raises(PayloadTooLarge, match="describes more than 100,000 columns or row groups"):
        ingested(body)


def test_a_footer_that_describes_as_much_as_may_be_is_read():
    assert [len(chunks) for chunks in column_chunks(of_groups(10, MOST_DESCRIBED // 10))] == [10_000] * 10


def test_a_footer_of_very_many_values_is_no_work_without_end():
    truths = b"\x19\xf1" + number(1_000) + b"\x01" * 1_000 + b"\x00"
    Compact(truths, most_values=1_002).skip()
    with pytest.raises(ValueError, match="more values than are read"):
        Compact(truths, most_values=1_001).skip()


@pytest.mark.parametrize(
    "groups",
    [structs(3, 1, group(1, b"\x26\x00\x19\x1c\x00\x00")), b"\x3c" + group(1)],
    ids=["metadata of a column as a list", "row groups as a struct"],
)
def test_a_list_where_a_struct_must_be_and_the_other_way_round_is_no_footer(groups):
    with pytest.raises(InvalidArgument, match="not of the kind it must be"):
        ingested(parquet(VERSION, groups))


MEASURED = """
import sys
sys.path.insert(0, sys.argv[1])
from test_parquet_footers import CHUNK, NO_ROWS, ROOT, VERSION, group, ingested, parquet, structs
from penstock_kit.errors import PayloadTooLarge
from penstock_testkit.peak_memory import peak_kilobytes

# pyarrow makes 612 MB of it.
body = parquet(VERSION, structs(1, 1, ROOT), NO_ROWS, structs(1, 1, group(900_000)))
assert len(body.getvalue()) < 5_000_000
before = peak_kilobytes()
try:
    ingested(body)
except PayloadTooLarge as error:
    print(error.reason)
print(peak_kilobytes() - before)
"""


def test_a_footer_of_900_000_columns_takes_no_memory():
    folder = __file__.rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, folder], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    reason, kilobytes = done.stdout.split()
    assert reason == "FOOTER_LIMIT_EXCEEDED"
    assert int(kilobytes) < 100_000
