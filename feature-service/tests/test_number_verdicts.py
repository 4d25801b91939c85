"""What a cell of a number field is: a number, missing, or refused, by one rule in each format."""

import io

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from feature_service.adapters.body.arrow_reader import ArrowReader, ParquetReader
from feature_service.adapters.body.csv_reader import CsvReader
from feature_service.adapters.body.ndjson_reader import NdjsonReader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument

TOKENS = (
    *(
        "0",
        "-0",
        "1",
        "+1",
        "007",
        "1.5",
        "+1.5",
        " 1.5",
        "1.5 ",
        "\t1.5",
        ".5",
        "-.5",
        "5.",
        "-5.",
        "1e3",
        "1E3",
        "1e+3",
    ),
    *("1e-3", "1.e3", ".1e1", "9007199254740993", "1e308", "1e400", "-1e400", "1e-400", "123456789012345678901"),
    *(
        "",
        " ",
        "NA",
        "na",
        "NaN",
        "nan",
        "NAN",
        "-nan",
        "null",
        "NULL",
        "None",
        "none",
        "-",
        "--",
        "N/A",
        "#N/A",
        "nil",
    ),
    *("true", "True", "TRUE", "false", "False", "yes", "no", "on", "T", "inf", "-inf", "+Inf", "Infinity", "∞"),
    *(
        "1_000",
        "0x10",
        "0b1",
        "1,5",
        "1.234,5",
        "1 000",
        "1'000",
        "٣",
        "１",
        "½",
        "1e",
        "e3",
        "1.2.3",
        "1-2",
        "12a",
        "5 5",
        "$5",
    ),
)
TIMES = [f"2024-05-01T00:{row // 60:02d}:{row % 60:02d}Z" for row in range(len(TOKENS))]


def csv(quote):
    lines = (f"{time};{quote}{token}{quote}\n" for time, token in zip(TIMES, TOKENS, strict=True))
    return ("timestamp;a\n" + "".join(lines)).encode()


def arrow():
    table, file = pa.table({"timestamp": TIMES, "a": list(TOKENS)}), io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def parquet():
    file = io.BytesIO()
    pa.parquet.write_table(pa.table({"timestamp": TIMES, "a": list(TOKENS)}), file)
    return file.getvalue()


def ndjson():
    return b"\n".join(orjson.dumps({"timestamp": t, "a": token}) for t, token in zip(TIMES, TOKENS, strict=True))


def verdicts(reader, body, kind):
    """The number of each token, None where it is missing, "refused" where it is that."""
    rejections, schema = Rejections(), FieldSchema({"a": FieldKind.NUMBER}, is_open=True)
    plan = IngestPlan(format=kind, delimiter=";" if kind is BodyFormat.CSV else "", decimal=".", partial=True)
    stream = io.BytesIO(body)
    reader.target(stream)
    found = dict.fromkeys(TIMES, "refused")
    for block in reader.rows(stream, plan, schema, rejections):
        times = pd.DatetimeIndex(block.frame.timestamps).strftime("%Y-%m-%dT%H:%M:%SZ")
        for time, value in zip(times, block.frame.numbers["a"].tolist(), strict=True):
            found[time] = repr(value)
    return dict(zip(TOKENS, found.values(), strict=True))


def test_every_spelling_has_the_same_verdict_in_a_plain_cell_of_csv_and_in_a_quoted_one():
    plain, quoted = (verdicts(CsvReader(), csv(quote), BodyFormat.CSV) for quote in ("", '"'))
    assert {"1.5", "nan", "refused"} <= set(quoted.values())
    assert {token: (plain[token], quoted[token]) for token in TOKENS if plain[token] != quoted[token]} == {}


def test_a_text_of_json_is_no_number_whatever_it_spells():
    assert set(verdicts(NdjsonReader(), ndjson(), BodyFormat.NDJSON).values()) == {"refused"}


@pytest.mark.parametrize(
    ("reader", "body", "kind"),
    [(ArrowReader, arrow, BodyFormat.ARROW), (ParquetReader, parquet, BodyFormat.PARQUET)],
)
def test_a_column_of_texts_is_no_column_of_numbers_whatever_they_spell(reader, body, kind):
    with pytest.raises(InvalidArgument, match="field 'a' holds numbers, the column is of type string"):
        verdicts(reader(), body(), kind)
