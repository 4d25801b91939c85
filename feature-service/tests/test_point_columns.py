"""Stretches of points with the same fields, read in columns, say what reading line by line says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_service.domain.ingest.point_columns import read_columns
from feature_service.domain.ingest.point_rows import PointPlan, PointReading
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.model.series import FieldKind

START = 1_714_557_600_000_000_000


def outcome(text, *, line_by_line, unit=1, stored=None):
    rejections = Rejections()
    reading = PointReading(PointPlan(device_tags=("device",), unit=unit, now=7), rejections, line_by_line=line_by_line)
    reading.read(text)
    rows = {}
    for device, points in reading.devices.items():
        points.settle(stored or {}, rejections)
        rows[device] = (points.measurement, points.kinds, points.last, list(rows_of(points)))
    return rows, sorted((refused.line, refused.reason) for refused in rejections.listed)


def rows_of(points):
    for frame in points.frames():
        columns = [(name, values.tolist()) for name, values in (*frame.numbers.items(), *frame.texts.items())]
        for row, time in enumerate(frame.timestamps.astype("int64").tolist()):
            values = {name: column[row] for name, column in columns}
            yield time, {name: value for name, value in values.items() if not is_missing(value)}


def is_missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))


HEADS = ("m,device=a", "m,device=b", "m,device=a,site=x", "m,site=y,device=c", "m", "m,device=b/c", "m,device=")
VALUES = (
    *(
        "1",
        "2.5",
        "-3e2",
        "+4",
        ".5",
        "5.",
        "3i",
        "-7i",
        "9007199254740993i",
        "7u",
        "t",
        "nan",
        "1_0",
        "1e400",
        "",
        "x",
    ),
)
TIMES = (
    *(
        f" {START}",
        f" {START + 1}",
        " -1",
        " 1",
        "",
        "  5",
        " 9223372036854775807",
        " 9300000000000000000",
        " x",
        " 1 2",
    ),
)


@st.composite
def bodies(draw):
    """Lines that differ little or not at all."""
    heads = draw(st.lists(st.sampled_from(HEADS), min_size=1, max_size=6))
    names = draw(st.lists(st.sampled_from(("v", "w", "site", "v v")), min_size=1, max_size=3))
    values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=5))
    times = draw(st.lists(st.sampled_from(TIMES), min_size=1, max_size=4))
    lines = []
    for row in range(draw(st.integers(1, 12))):
        fields = ",".join(f"{name}={values[(row + place) % len(values)]}" for place, name in enumerate(names))
        lines.append(f"{heads[row % len(heads)]} {fields}{times[row % len(times)]}")
    return "\n".join(lines) + draw(st.sampled_from(("", "\n", "\r\n")))


@given(
    body=bodies(),
    unit=st.sampled_from((1, 1_000, 10**9)),
    stored=st.sampled_from(({}, {"v": FieldKind.TEXT}, {"site": FieldKind.NUMBER})),
)
def test_points_are_read_as_line_by_line(body, unit, stored):
    fast = outcome(body, line_by_line=False, unit=unit, stored=stored)
    assert fast == outcome(body, line_by_line=True, unit=unit, stored=stored)


@given(st.text(alphabet=st.sampled_from("m,=v1i. \n-+e"), max_size=60))
def test_any_text_is_read_as_line_by_line(text):
    body = f"m,device=d v=1 {START}\n{text}"
    assert outcome(body, line_by_line=False) == outcome(body, line_by_line=True)


def test_lines_with_the_same_fields_are_read_in_columns_and_others_are_not():
    same = f"m,device=a v=1,w=2i {START}\nm,device=b v=3,w=4i {START}\n"
    columns = read_columns(same)
    assert columns is not None
    assert {name: numbers.tolist() for name, numbers in columns.numbers.items()} == {"v": [1.0, 3.0], "w": [2.0, 4.0]}
    for other in (f"m,device=a w=1,v=2i {START}\n", f'm,device=a v="x",w=2i {START}\n', "m,device=a v=1,w=2i\n"):
        assert read_columns(same + other) is None


@pytest.mark.parametrize("unit", [1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize("line_by_line", [False, True], ids=["in columns", "line by line"])
def test_the_last_moment_of_the_calendar_is_taken_and_the_next_is_not(unit, line_by_line):
    end, first = 253_402_300_800 * 1_000_000_000 // unit, -62_135_596_800 * 1_000_000_000 // unit
    for time, is_taken in ((end - 1, True), (end, False), (first, True), (first - 1, False)):
        text = "".join(f"m,device=d v={row} {at}\n" for row, at in enumerate((time, 0)))
        rows, refused = outcome(text, line_by_line=line_by_line, unit=unit)
        assert [line for line, _ in refused] == ([] if is_taken else [1])
        assert len(rows["d"][3]) == 1 + is_taken
