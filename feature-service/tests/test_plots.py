"""Plots: what a picture shows of rows, however many; gaps, windows, outliers, anomalies; SVG that is well formed."""

import asyncio
import gc
import tracemalloc
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.plot.png import draw_png, places
from feature_service.domain.plot.axis import time_ticks, value_ticks
from feature_service.domain.plot.plot import Line, Panel, Plot
from feature_service.domain.plot.reduction import joined, reduced, stretches
from penstock_kit.errors import InvalidArgument, NotFound

ROWS = 6_000
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


def line_of(values, times=None):
    values = np.asarray(values, dtype=float)
    times = np.arange(len(values)) if times is None else times
    return Line(times=np.asarray(times, dtype=np.int64), values=values)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), min_size=1, max_size=400),
    columns=st.integers(1, 20),
    cut=st.integers(0, 400),
)
def test_each_pixel_column_keeps_its_first_lowest_highest_and_last_value(values, columns, cut):
    whole = line_of(values)
    end = len(values)
    once = reduced(whole, 0, end, columns)
    kept = dict(zip(once.times.tolist(), once.values.tolist(), strict=True))
    for column in range(columns):
        inside = [
            (time, value)
            for time, value in enumerate(values)
            if time * columns // end == column and not np.isnan(value)
        ]
        if inside:
            shown = [kept[time] for time, _ in inside if time in kept]
            assert (min(shown), max(shown)) == (min(v for _, v in inside), max(v for _, v in inside))
            assert {inside[0][0], inside[-1][0]} <= kept.keys()
    assert len(once.times) <= max(4 * columns, 4)
    # Block by block gives the same extremes and ends.
    parts = [line_of(values[:cut], range(min(cut, end))), line_of(values[cut:], range(min(cut, end), end))]
    first, second = (reduced(part, 0, end, columns) for part in parts)
    again = reduced(joined(first, second), 0, end, columns)
    assert (again.values.min(initial=0), again.values.max(initial=0)) == (
        once.values.min(initial=0),
        once.values.max(initial=0),
    )


def test_a_line_is_broken_where_rows_are_too_far_apart():
    pieces = stretches(line_of([1, 2, 3, 4], [0, 10, 100, 110]), 50)
    assert [piece.times.tolist() for piece in pieces] == [[0, 10], [100, 110]]
    assert len(stretches(line_of([1, 2], [0, 10**9]), None)) == 1


@settings(max_examples=100, deadline=None)
@given(start=st.integers(-(10**16), 10**16), length=st.integers(1, 10**16), most=st.integers(2, 12))
def test_times_have_a_few_round_ticks(start, length, most):
    ticks = [micros for micros, _ in time_ticks(start, start + length, most)]
    assert len(ticks) <= 2 * most + 1
    assert all(start <= tick <= start + length for tick in ticks)
    assert len({later - earlier for earlier, later in pairwise(ticks)}) <= 1


@settings(max_examples=100, deadline=None)
@given(low=st.floats(-1e12, 1e12), size=st.floats(1e-6, 1e12), most=st.integers(2, 12))
def test_values_have_a_few_round_ticks(low, size, most):
    assert 0 <= len(value_ticks(low, low + size, most)) <= most + 2


@pytest.fixture
async def loaded(service, as_tenant):
    random = np.random.default_rng(7)
    table = pd.DataFrame({"current": random.normal(100, 1, ROWS), "a <b> & $x$": random.normal(size=ROWS)})
    table.insert(0, "timestamp", pd.date_range("2024-05-01", periods=ROWS, freq="1s"))
    table.loc[5_000:5_300, "current"] += 30
    table.loc[4_000, "current"] = 500.0

    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=table.drop(index=range(2_000, 2_500)).to_csv(index=False).encode())

    with as_tenant("t"):
        await service.features.Ingest(messages())
        yield service


async def draw(service, **request):
    answer = await service.features.DrawPlot(pb.DrawPlotRequest(device_code="d", **request))
    if answer.content_type == "image/svg+xml":
        return ElementTree.fromstring(answer.picture)
    return answer.picture


def of_class(svg, name):
    return [each for each in svg.iter() if each.get("class") == name]


async def test_a_series_is_one_line_a_field_with_title_ticks_and_names_whatever_they_are(loaded):
    svg = await draw(loaded, kind="series", width=400)
    assert len(of_class(svg, "l")) == 2
    texts = [each.text for each in svg.iter(f"{SVG}text")]
    assert "a <b> & $x$" in texts
    assert svg.find(f"{SVG}title").text == "d: current, a <b> & $x$"
    assert any(text and text.startswith(("00:", "01:")) for text in texts), texts
    points = of_class(svg, "l")[0].get("d").count("L")
    assert 400 < points <= 4 * 400


async def test_gaps_break_the_line_when_asked_to(loaded):
    request = pb.DrawPlotRequest(device_code="d", fields=["current"])
    request.max_gap.FromSeconds(60)
    svg = ElementTree.fromstring((await loaded.features.DrawPlot(request)).picture)
    assert len(of_class(svg, "l")) == 2


async def test_outliers_are_marked_and_counted(loaded):
    svg = await draw(loaded, kind="outliers", fields=["current"])
    marks = of_class(svg, "m")
    assert 100 < len(marks) < 600
    assert "values outside of q25" in svg.find(f"{SVG}desc").text


async def test_windows_are_steps_of_their_means(loaded):
    svg = await draw(loaded, kind="windows", window_size=500, overlap=0)
    assert len(of_class(svg, "s")) == 2
    assert "11 windows of 500 rows" in svg.find(f"{SVG}desc").text


async def test_anomalous_windows_are_shaded_and_no_detector_is_kept(loaded, tmp_path):
    svg = await draw(loaded, kind="anomalies", fields=["current"])
    shaded = of_class(svg, "b")
    assert shaded
    assert "windows are unlike the baseline" in svg.find(f"{SVG}desc").text
    import sqlite3

    with sqlite3.connect(tmp_path / "feature.db") as database:
        assert database.execute("SELECT count(*) FROM detector").fetchone() == (0,)


async def test_the_same_is_drawn_as_png_many_at_once(loaded):
    alone = await draw(loaded, kind="series", format="png", width=300, height=200)
    assert alone.startswith(b"\x89PNG")
    together = await asyncio.gather(
        *(draw(loaded, kind="series", format="png", width=300, height=200) for _ in range(4))
    )
    assert together == [alone] * 4


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"kind": "pie"}, "series, windows"),
        ({"format": "gif"}, "svg, png"),
        ({"width": 5}, "from 100"),
        ({"format": "png", "width": 4_000, "height": 1_501}, "6004000 pixels, at most 6000000 are drawn"),
        ({"fields": ["none"]}, "none"),
    ],
)
async def test_what_can_not_be_drawn_is_refused(loaded, request_, why):
    with pytest.raises(InvalidArgument, match=why):
        await draw(loaded, **request_)


async def test_a_picture_of_lines_may_have_any_number_of_pixels(loaded):
    assert (await draw(loaded, format="svg", width=4_000, height=4_000)).tag == f"{SVG}svg"


@pytest.mark.parametrize(("width", "height", "panels"), [(100, 100, 8), (960, 240, 1), (4_000, 1_290, 8)])
def test_the_panels_of_a_png_lie_in_the_picture_one_below_the_other(width, height, panels):
    plot = Plot(
        title="t", note="", start=0, end=1, width=width, height=height, panels=(Panel(title="a", lines=()),) * panels
    )
    found = places(plot)
    assert 0 < found["left"] < found["right"] < 1
    assert 0 < found["bottom"] < found["top"] < 1
    assert found["hspace"] > 0


async def test_a_range_without_rows_is_told(loaded):
    request = pb.DrawPlotRequest(device_code="d")
    request.start_time.FromSeconds(0)
    request.end_time.FromSeconds(10)
    with pytest.raises(NotFound):
        await loaded.features.DrawPlot(request)


def test_pictures_that_were_drawn_leave_nothing_in_memory():
    line = Line(times=np.arange(100, dtype=np.int64) * 1_000_000, values=np.arange(100.0))
    plot = Plot(
        title="t", note="", start=0, end=99_000_000, width=200, height=150, panels=(Panel(title="a", lines=(line,)),)
    )
    draw_png(plot)  # what is loaded once stays
    tracemalloc.start()
    try:
        for _ in range(3):
            draw_png(plot)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(12):
            draw_png(plot)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000
    assert not [each for each in gc.get_objects() if isinstance(each, Figure)]
