"""CSV as spreadsheets, loggers and pandas write it: decimal commas, codes, separators, marks, indexes, devices."""

import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.adapters.body.csv_reader import CsvReader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.text_cell import MISSING_NUMBERS, TextCells
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument


class Outcome:
    """What became of a CSV body."""

    def __init__(self, body, known=None, **plan):
        self.schema, rejections = FieldSchema(known or {}, is_open=True), Rejections()
        content = io.BytesIO(body.encode() if isinstance(body, str) else body)
        made = IngestPlan(format=BodyFormat.CSV, **plan)
        self.blocks = list(CsvReader().rows(content, made, self.schema, rejections))
        self.refused = [(each.line, each.reason) for each in rejections.listed]
        self.notes = rejections.notes

    def values(self, name):
        columns = [{**block.frame.numbers, **block.frame.texts}[name].tolist() for block in self.blocks]
        return [value for column in columns for value in column]

    def field(self, name):
        (found,) = (field for field in self.schema.fields() if field.name == name)
        return found


def column(*cells, header="timestamp;a", **options):
    rows = "".join(f"2024-05-01 00:00:{second:02d};{cell}\n" for second, cell in enumerate(cells))
    return Outcome(f"{header}\n{rows}", **options)


def test_a_decimal_comma_is_told_by_the_cells_of_each_field():
    outcome = Outcome("timestamp;temp;flow;n\n2024-05-01 00:00:00;12,5;1.25;7\n2024-05-01 00:00:01;-1.012,75;2.5;8\n")
    assert (outcome.values("temp"), outcome.values("flow")) == ([12.5, -1012.75], [1.25, 2.5])
    assert outcome.refused == []
    assert [outcome.field(name).decimal for name in ("temp", "flow", "n")] == [",", "", ""]
    assert outcome.field("temp").guessed and outcome.field("temp").kind is FieldKind.NUMBER


def test_a_known_number_field_is_read_with_a_decimal_comma_too():
    outcome = column("12,5", "13", known={"a": FieldKind.NUMBER})
    assert outcome.values("a") == [12.5, 13.0]
    assert not outcome.field("a").guessed


def test_a_point_among_decimal_commas_is_refused_and_a_comma_among_points():
    outcome = column("12,5", "1.234", "13,5")
    assert outcome.refused == [(3, "a: '1.234' is not a number with a decimal comma")]
    outcome = column("12.5", "12,5", "13.5")
    assert outcome.refused == [(3, "a: '12,5' is not a number; write decimals with a point, or say decimal=,")]


def test_a_thousand_or_a_decimal_is_not_guessed_where_commas_separate():
    body = 'timestamp,a\n2024-05-01,"1,234"\n2024-05-02,"2,500"\n'
    outcome = Outcome(body)
    assert [line for line, _ in outcome.refused] == [2, 3]
    assert "may be a thousand or a decimal: say decimal=," in outcome.refused[0][1]
    assert Outcome(body, decimal=",").values("a") == [1.234, 2.5]
    assert column("1,234", "0,5").values("a") == [1.234, 0.5]


def test_the_decimal_mark_that_is_named_is_not_guessed():
    outcome = column("12,5", "13,5", decimal=".")
    assert outcome.field("a").kind is FieldKind.TEXT
    assert column("7", "8", decimal=",").values("a") == [7.0, 8.0]


@pytest.mark.parametrize("cell", ["007", "+049", "00"])
def test_codes_keep_their_zeros(cell):
    outcome = column("1", "20", "300", cell)
    assert outcome.values("a") == ["1", "20", "300", cell]
    assert outcome.field("a").kind is FieldKind.TEXT
    assert column("0", "0.5", "-0.25").values("a") == [0.0, 0.5, -0.25]


@pytest.mark.parametrize("cell", ["\u0661\u0662", "\uff11\uff12.5", "1\u0662,5", "1_000", "1_000,5"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_digits_of_other_scripts_and_underscores_are_no_number(cell, decimal):
    outcome = column(cell, "1", known={"a": FieldKind.NUMBER}, decimal=decimal)
    assert [line for line, _ in outcome.refused] == [2]
    assert "is not a number" in outcome.refused[0][1]
    assert outcome.values("a") == [1.0]


@pytest.mark.parametrize("label", ["True", "NULL", "1.0", "NaN", "ß 日本 😀", " x "])
def test_the_texts_of_a_text_field_are_kept_as_they_are(label):
    assert column("a", label, known={"a": FieldKind.TEXT}).values("a") == ["a", label]


def test_a_body_that_would_make_a_number_field_a_text_is_refused():
    with pytest.raises(InvalidArgument, match=r"field 'a' holds numbers, most .* such as 'off'") as caught:
        column("1", "off", "off", known={"a": FieldKind.NUMBER})
    assert (caught.value.reason, caught.value.metadata["rows_rejected"]) == ("FIELD_TYPE_CONFLICT", "3")
    outcome = column("1", "off", "off", known={"a": FieldKind.NUMBER}, partial=True)
    assert (outcome.values("a"), len(outcome.refused)) == ([1.0], 2)


def test_a_first_line_may_name_the_separator():
    outcome = Outcome("sep=;\ntimestamp;a,b\n2024-05-01;6\n2024-05-02;x\n2024-05-03;7\n")
    assert outcome.values("a,b") == [6.0, 7.0]
    assert [line for line, _ in outcome.refused] == [4]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_byte_order_mark_says_the_encoding(encoding):
    outcome = Outcome("timestamp\ttempé\n2024-05-01\t5\n".encode(encoding))
    assert outcome.values("tempé") == [5.0]


def test_an_encoding_can_be_named_and_a_wrong_one_is_told():
    assert Outcome("timestamp;größe\n2024-05-01;5\n".encode("cp1252"), encoding="cp1252").values("größe") == [5.0]
    with pytest.raises(InvalidArgument, match="encoding 'klingon' is unknown") as caught:
        Outcome("timestamp;a\n2024-05-01;5\n", encoding="klingon")
    assert caught.value.reason == "ENCODING_INVALID"


def test_a_byte_that_is_no_text_is_told_with_its_line():
    lines = b"".join(b"2024-05-01 00:00:%02d,%d\n" % (second, second) for second in range(60)) * 1000
    with pytest.raises(InvalidArgument, match="not UTF-8, see line 60002") as caught:
        Outcome(b"timestamp,a\n" + lines + b"2024-05-02,\xff\n")
    assert (caught.value.reason, caught.value.metadata["rows_rejected"]) == ("ENCODING_INVALID", "60001")


def test_the_index_that_pandas_writes_is_left_out():
    outcome = Outcome(",timestamp,a\n0,2024-05-01,6\n1,2024-05-02,7\n")
    assert (list(outcome.schema.seen), outcome.values("a")) == (["a"], [6.0, 7.0])
    assert outcome.notes == ["the first column has no name and was left out, as an index"]


def test_columns_can_be_left_out():
    outcome = Outcome("timestamp,a,note\n2024-05-01,6,x\n", ignored=frozenset({"note"}))
    assert list(outcome.schema.seen) == ["a"]


def test_fields_may_be_called_like_a_time_or_a_device():
    outcome = Outcome("ts,timestamp,device_code,a\n2024-05-01,5,9,6\n", timestamp_column="ts")
    assert [outcome.values(name) for name in ("timestamp", "device_code", "a")] == [[5.0], [9.0], [6.0]]


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_quote_that_is_never_closed_is_told_with_the_line_that_opens_it(ending):
    body = f'timestamp,note,v\n2024-05-01,5" pipe,1\n2024-05-02,"open,2\n2024-05-03,d,3{ending}'
    with pytest.raises(InvalidArgument, match="a quote that is opened in line 3 of the CSV is never closed") as caught:
        Outcome(body)
    assert caught.value.metadata == {"line": "3", "rows_rejected": "3"}
    closed = Outcome(body.replace('"open', '"closed"'))
    assert closed.values("note") == ['5" pipe', "closed", "d"]


def test_every_row_of_a_body_with_a_device_column_names_its_device():
    body = "timestamp,device,a\n2024-05-01,d1,1\n2024-05-01, d2 ,2\n2024-05-02,,3\n"
    outcome = Outcome(body, device_column="device")
    assert outcome.blocks[0].devices.tolist() == ["d1", "d2"]
    assert outcome.refused == [(4, "the row names no device")]
    plan = IngestPlan(format=BodyFormat.CSV, device_column="device")
    assert CsvReader().devices(io.BytesIO(body.encode()), plan) == {"d1", "d2"}
    with pytest.raises(InvalidArgument, match="no column 'unit' to name the devices; the columns are: timestamp"):
        Outcome(body, device_column="unit")


numbers = st.one_of(
    st.integers(-(10**18), 10**18).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-1000, 1000, places=3).map(str),
)
odd = st.one_of(
    st.sampled_from(sorted(MISSING_NUMBERS)),
    st.sampled_from(["true", "False", "inf", "1_000", "0x1", "1e999", "1,5", "1.234,5", "1,234", "٣", " 5 ", "5 5"]),
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters='\r\n\0"'), max_size=5),
)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(st.one_of(numbers, odd), min_size=1, max_size=20))
def test_a_column_is_read_cell_by_cell_as_each_cell_alone_would_be(cells):
    """The fast way over a column of plain numbers and the careful one over single cells give the same."""
    rows = "".join(f'2024-05-01 00:00:{second:02d}\x01"{cell}"\n' for second, cell in enumerate(cells))
    options = {"known": {"a": FieldKind.NUMBER}, "decimal": ".", "delimiter": "\x01", "partial": True}
    outcome = Outcome(f"timestamp\x01a\n{rows}", **options)
    refused = {line - 2 for line, _ in outcome.refused}
    expected = []
    for row, cell in enumerate(cells):
        try:
            expected.append(TextCells(decimal=".").numbers("a").number(cell))
        except ValueError:
            assert row in refused
        else:
            assert row not in refused
    np.testing.assert_array_equal(outcome.values("a"), expected)


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.decimals(-10_000, 10_000, places=2), min_size=1, max_size=20), grouped=st.booleans())
def test_numbers_written_in_european_notation_come_back_as_they_were(values, grouped):
    def written(value):
        text = f"{value:,.2f}" if grouped else f"{value:.2f}"
        return text.translate(str.maketrans(",.", ".,"))

    assert all(re.fullmatch(r"-?[\d.]+,\d\d", written(value)) for value in values)
    cells = TextCells(comma_separates=False)
    texts = [written(value) for value in values]
    assert cells.column_kind("a", texts) is FieldKind.NUMBER
    assert [cells.numbers("a").number(text) for text in texts] == [float(value) for value in values]
