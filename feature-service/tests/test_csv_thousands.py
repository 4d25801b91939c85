"""Points and commas of a CSV that may part thousands or begin decimals: never guessed where the file has both uses."""

import io

import pytest

from feature_service.adapters.body.csv_reader import CsvReader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.series import FieldKind

DOUBT = "may be a thousand or a decimal: say decimal="


def read(*columns, careful=False, known=None, **plan):
    """Return the values of the good rows by field, and the refused rows; `columns` are lists of cells a, b, …"""
    names = "ab"[: len(columns)]
    lines = [";".join(["timestamp", *names])]
    lines += [
        f"2026-01-01 00:{row // 60:02}:{row % 60:02};{';'.join(cells)}"
        for row, cells in enumerate(zip(*columns, strict=True))
    ]
    schema, rejections = FieldSchema(known or {}, is_open=True), Rejections()
    made = IngestPlan(format=BodyFormat.CSV, **plan)
    body = io.BytesIO("\n".join(lines).encode())
    blocks = list(CsvReader(careful=careful).rows(body, made, schema, rejections))
    values = {name: [value for block in blocks for value in block.frame.numbers[name].tolist()] for name in names}
    return values, [(each.line, each.reason) for each in rejections.listed]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("known", [None, {"a": FieldKind.NUMBER, "b": FieldKind.NUMBER}])
@pytest.mark.parametrize(
    ("doubtful", "clear", "lines"),
    [
        (["999", "1.000", "1.001"], ["0,5", "1,5", "2,5"], [3, 4]),
        (["1.200", "1.201", "1.202"], ["0,5", "1,5", "2,5"], [2, 3, 4]),
        (["999", "1,000", "1,001"], ["0.5", "1.5", "2.5"], [3, 4]),
        (["1.234.567", "999", "1.000"], ["1", "2", "3"], [2, 4]),
        (["1,234,567", "999", "1,000"], ["1", "2", "3"], [2, 4]),
    ],
)
def test_a_thousand_beside_the_other_decimal_mark_is_not_taken_for_a_decimal(doubtful, clear, lines, known, careful):
    values, refused = read(doubtful, clear, known=known, careful=careful)
    assert [line for line, _ in refused] == lines
    assert all(DOUBT in reason for _, reason in refused)
    assert values["a"] == [999.0] * (3 - len(lines))


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    ("cells", "decimal", "meant"),
    [
        (["999", "1.000", "1.234.567"], ",", [999.0, 1000.0, 1234567.0]),
        (["999", "1,000", "1,234,567"], ".", [999.0, 1000.0, 1234567.0]),
        (["1.234,5", "1.234", "0,5"], ",", [1234.5, 1234.0, 0.5]),
        (["1.234", "0.5", "12.5"], ".", [1.234, 0.5, 12.5]),
    ],
)
def test_a_decimal_mark_that_is_named_makes_the_other_one_part_thousands(cells, decimal, meant, careful):
    values, refused = read(cells, decimal=decimal, careful=careful)
    assert (values["a"], refused) == (meant, [])


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "meant"),
    [
        (["0.001", "0.002"], ["0,5", "1,5"], [0.001, 0.002]),
        (["12.5", "1.234"], ["0,5", "1,5"], [12.5, 1.234]),
        (["1.234", "1.235"], ["7", "8"], [1.234, 1.235]),
        (["1,234", "1,235"], ["7", "8"], [1.234, 1.235]),
        (["1000", "1001"], ["0,5", "1,5"], [1000.0, 1001.0]),
    ],
)
def test_three_decimals_stay_decimals_where_nothing_speaks_against_it(first, second, meant, careful):
    values, refused = read(first, second, careful=careful)
    assert (values["a"], refused) == (meant, [])


def test_a_counter_that_reaches_a_thousand_behind_the_first_rows_is_refused_there_too():
    counter = [f"{count:,}".replace(",", ".") for count in range(1, 2101)]
    values, refused = read(counter, ["0,5"] * len(counter))
    assert values["a"] == [float(count) for count in range(1, 1000)]
    assert refused[0][0] == 1001
