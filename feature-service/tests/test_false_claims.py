"""Arrow and Parquet that unpack to more than they look like, or lie about it: refused before room is made."""

# pyright: reportUnknownMemberType=false

import contextlib
import io
import struct
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from feature_service.adapters.body import arrow_claims, parquet_pages
from feature_service.adapters.body.parquet_footer import ColumnChunk, column_chunks
from penstock_kit.errors import PayloadTooLarge

ROWS = 50_000
# All rows of a group in one page.
ONE_PAGE = {
    "compression": "zstd",
    "use_dictionary": False,
    "data_page_size": 1 << 30,
    "write_batch_size": 20_000_000,
    "max_rows_per_page": 20_000_000,
    "row_group_size": 20_000_000,
}


def table(rows=ROWS):
    random = np.random.default_rng(1)
    texts = pa.array(["a", "bb", None, "x" * 50] * (rows // 4)).dictionary_encode()
    return pa.table({"v": np.zeros(rows), "w": random.normal(size=rows), "t": texts, "l": [[1, 2]] * rows})


def ipc(form, compression, rows=ROWS):
    sink = io.BytesIO()
    made = table(rows)
    open_ = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with open_(sink, made.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(made, max_chunksize=20_000)
    return sink


def parquet(**options):
    sink = io.BytesIO()
    pa.parquet.write_table(table(), sink, **options)
    return sink


@pytest.mark.parametrize("form", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_what_is_written_by_arrow_is_taken(form, compression):
    arrow_claims.refuse_false_claims(ipc(form, compression))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd"},
        {"compression": None, "use_dictionary": False},
        {"data_page_version": "2.0", "row_group_size": 7_000, "data_page_size": 1_000},
        {"write_statistics": False, "compression": "gzip"},
        {"write_page_index": True},
    ],
)
def test_what_is_written_as_parquet_is_taken(options):
    body = parquet(**options)
    parquet_pages.refuse_false_claims(body, column_chunks(body))


@pytest.mark.parametrize("form", ["file", "stream"])
def test_a_buffer_that_says_it_unpacks_to_a_terabyte_is_refused(form):
    content = ipc(form, "zstd").getvalue()
    # The first compressed buffer of the zeros: its claim stands before the frame of zstd.
    claim = struct.pack("<q", 20_000 * 8) + b"\x28\xb5\x2f\xfd"
    assert claim in content
    lying = content.replace(claim, struct.pack("<q", 2**40) + claim[8:], 1)
    with pytest.raises(PayloadTooLarge, match="unpacks to 1,09"):
        arrow_claims.refuse_false_claims(io.BytesIO(lying))


def test_a_page_that_unpacks_to_too_much_is_refused():
    sink = io.BytesIO()
    many = pa.table({"v": np.zeros(20_000_000)})
    pa.parquet.write_table(many, sink, **ONE_PAGE)
    assert len(sink.getvalue()) < 100_000
    with pytest.raises(PayloadTooLarge, match="160,"):
        parquet_pages.refuse_false_claims(sink, column_chunks(sink))


@pytest.mark.parametrize("form", ["file", "stream"])
def test_bytes_that_are_none_or_are_cut_raise_what_the_reader_knows(form):
    content = ipc(form, "lz4", 4_000).getvalue()
    random = np.random.default_rng(3)
    for _ in range(400):
        mutated = bytearray(content)
        for place in random.integers(0, len(content), 4):
            mutated[place] = int(random.integers(0, 256))
        for body in (bytes(mutated), content[: int(random.integers(0, len(content)))]):
            with contextlib.suppress(ValueError, PayloadTooLarge):
                arrow_claims.refuse_false_claims(io.BytesIO(body))


BOMBS = """
import io, sys
import numpy as np, pyarrow as pa, pyarrow.parquet
from feature_service.adapters.body.body_reader import body_reader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import PenstockError
from penstock_testkit.peak_memory import peak_kilobytes

body = io.BytesIO(open(sys.argv[1], "rb").read())
form = BodyFormat(sys.argv[2])
read = body_reader(max_json_bytes=1 << 20)(form)
before = peak_kilobytes()
try:
    for block in read.rows(body, IngestPlan(format=form, device_code="d"), FieldSchema({}, is_open=True), Rejections()):
        pass
    print("taken")
except PenstockError as error:
    print(error.reason)
print(peak_kilobytes() - before)
"""


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_a_small_body_that_unpacks_to_a_gigabyte_takes_no_memory(tmp_path, form):
    wide = pa.table(
        {"timestamp": np.zeros(1_000_000, "datetime64[us]"), **{f"f{n}": np.zeros(1_000_000) for n in range(130)}}
    )
    path = tmp_path / "bomb"
    with path.open("wb") as sink:
        if form == "arrow":
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(sink, wide.schema, options=options) as writer:
                writer.write_table(wide)
        else:
            pa.parquet.write_table(wide, sink, **ONE_PAGE)
    assert path.stat().st_size < 1_000_000
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, str(path), form], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    reason, kilobytes = done.stdout.split()
    assert reason == "BATCH_LIMIT_EXCEEDED"
    assert int(kilobytes) < 100_000


def test_the_footer_says_of_each_column_what_pyarrow_reads_in_it():
    body = parquet(row_group_size=20_000, compression="zstd")
    metadata = pa.parquet.read_metadata(body)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    told = [[group.column(place) for place in range(group.num_columns)] for group in groups]
    assert len(told) == 3
    assert column_chunks(body) == [
        [
            ColumnChunk(
                unpacked=column.total_uncompressed_size,
                packed=column.total_compressed_size,
                data_page=column.data_page_offset,
                dictionary_page=column.dictionary_page_offset or 0,
            )
            for column in group
        ]
        for group in told
    ]


def test_a_field_whose_number_others_would_read_as_another_is_refused():
    # Field 65,540 in the long form: 4, the row groups, to whoever keeps 16 bits.
    footer = bytes([0x09, 0x88, 0x80, 0x08, 0x0C, 0x00])
    body = io.BytesIO(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")
    with pytest.raises(ValueError, match="number that none has"):
        column_chunks(body)


# Damaged at random, half of them in what describes them: pyarrow ended the process over one such footer.
DAMAGED = """
import io, sys
from collections import Counter
import numpy as np, pyarrow as pa, pyarrow.parquet
from feature_service.adapters.body.body_reader import body_reader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import PenstockError
from penstock_testkit.peak_memory import peak_kilobytes

form, count = BodyFormat(sys.argv[1]), int(sys.argv[2])
random = np.random.default_rng(7)
rows = 2000
table = pa.table({
    "timestamp": np.arange(rows).astype("datetime64[s]").astype("datetime64[us]"),
    "v": random.normal(size=rows),
    "s": pa.array(["a", "bb", None, "x" * 20] * (rows // 4)).dictionary_encode(),
    "i": np.arange(rows),
})
sink = io.BytesIO()
if form is BodyFormat.PARQUET:
    pa.parquet.write_table(table, sink, compression="zstd", row_group_size=500)
else:
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table, max_chunksize=500)
content = sink.getvalue()
read = body_reader(max_json_bytes=1 << 20)(form)

def outcome(body):
    plan = IngestPlan(format=form, device_code="d")
    try:
        for block in read.rows(io.BytesIO(body), plan, FieldSchema({}, is_open=True), Rejections()):
            pass
    except PenstockError as error:
        return error.reason
    return "taken"

assert outcome(content) == "taken"
before = peak_kilobytes()
seen = Counter()
for number in range(count):
    damaged = bytearray(content)
    first = 0 if number % 2 else max(len(content) - 2000, 0)
    for place in random.integers(first, len(damaged), int(random.integers(1, 6))):
        damaged[place] = int(random.integers(0, 256))
    seen[outcome(bytes(damaged))] += 1
print(*sorted(seen), peak_kilobytes() - before)
"""


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_thousands_of_damaged_bodies_end_no_process_and_take_little_memory(form):
    command = [sys.executable, "-c", DAMAGED, form, "5000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    *reasons, kilobytes = done.stdout.split()
    assert {"BODY_INVALID", "taken"} <= set(reasons)
    assert int(kilobytes) < 256 * 1024
