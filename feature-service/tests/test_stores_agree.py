"""The same rows in every store give the same numbers: rows bit for bit, what is computed to twelve digits."""

import asyncio
import math
from dataclasses import asdict

import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.domain.extraction.extract import extract_features
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import (
    Aggregate,
    Condition,
    HistoryQuery,
    NewestQuery,
    Operator,
    StatisticsQuery,
)
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND

FIELDS = ["current", "near a million", "tiny", "sparse", "label", "nowhere"]
NUMBERS = FIELDS[:4]
ABOVE = Condition(field="current", operator=Operator.GT, operands=(200.0,))
LABELLED = Condition(field="label", operator=Operator.IN, operands=("good", "it's 坏"))
EITHER = Condition(any_of=(ABOVE, Condition(field="label", operator=Operator.EQ, operands=("good",))))
SPANS = [Span(), Span(start=1_000 * SECOND + 1, end=4_000 * SECOND)]


def awkward_rows(seed: int, start: int) -> Frame:
    """Return rows with gaps, late and missing values, an offset that hides the variation, and tiny numbers."""
    random = np.random.default_rng(seed)
    times = np.unique(random.integers(start * SECOND, (start + 6_000) * SECOND, size=1_200))
    rows = len(times)
    sparse = np.where(random.random(rows) < 0.97, np.nan, random.normal(size=rows))
    labels = random.choice(np.array(["good", "it's 坏", "", None], dtype=object), size=rows)
    return Frame(
        timestamps=times.astype("datetime64[us]"),
        numbers={
            "current": 200 + 5 * random.standard_normal(rows),
            "near a million": 1e6 + 0.01 * random.standard_normal(rows),
            "tiny": 1e-300 * random.standard_normal(rows),
            "sparse": sparse,
        },
        texts={"label": labels},
    )


@pytest.fixture
async def stores(tmp_path, postgres_url):
    opened = [DuckDbTelemetryStore(tmp_path / "telemetry.duckdb"), PostgresTelemetryStore(postgres_url)]
    for store in opened:
        for part in (awkward_rows(1, 0), awkward_rows(2, -3_000).first(300), awkward_rows(3, 2_000).first(500)):
            await store.append(KEY, part)
        await store.append(OTHER, awkward_rows(4, 1_000))
    yield opened
    for store in opened:
        await store.close()


def same_bits(one: Frame, other: Frame) -> None:
    np.testing.assert_array_equal(one.timestamps, other.timestamps)
    assert (list(one.numbers), list(one.texts)) == (list(other.numbers), list(other.texts))
    for name, values in one.numbers.items():
        assert values.tobytes() == other.numbers[name].tobytes() or np.isnan(values).any(), name
        np.testing.assert_array_equal(values, other.numbers[name])
    for name, texts in one.texts.items():
        assert texts.tolist() == other.texts[name].tolist()


SPREAD = {"std": 1e-9, "correlations": 1e-7}
"""How far these may lie apart: values at 1e6 ± 0.01 leave deviations eight of their sixteen digits."""


def close(one: object, other: object, spread: float = 0.0) -> None:
    """Assert that two answers are equal, their numbers to twelve digits or the `spread`."""
    match one:
        case float():
            assert isinstance(other, float)
            assert math.isclose(one, other, rel_tol=1e-12, abs_tol=spread) or (math.isnan(one) and math.isnan(other))
        case dict():
            assert isinstance(other, dict)
            assert list(one) == list(other)
            for key in one:
                close(one[key], other[key], SPREAD.get(key, spread))
        case list() | tuple():
            assert isinstance(other, list | tuple)
            assert len(one) == len(other)
            for left, right in zip(one, other, strict=True):
                close(left, right, spread)
        case _:
            assert one == other


async def answers(stores, ask):
    return await asyncio.gather(*(ask(store) for store in stores))


@pytest.mark.parametrize("span", SPANS, ids=str)
async def test_rows_and_features_are_the_same_bits(stores, span):
    duck, postgres = await answers(stores, lambda store: store.read(KEY, FIELDS, span))
    same_bits(duck, postgres)
    for window in (WindowPlan(size=64, overlap=0.5), TimeWindowPlan(size=90 * SECOND, step=30 * SECOND)):
        plan = ExtractionPlan(window=window)
        one, other = (extract_features(frame, plan) for frame in (duck, postgres)) if len(duck) > 64 else (None, None)
        if one is not None:
            assert one.names == other.names
            np.testing.assert_array_equal(one.starts, other.starts)
            np.testing.assert_array_equal(one.matrix, other.matrix)


@pytest.mark.parametrize("conditions", [(), (ABOVE,), (LABELLED,), (EITHER,), (ABOVE, LABELLED)], ids=len)
async def test_statistics_agree(stores, conditions):
    for span in SPANS:
        found = await answers(
            stores,
            lambda store, span=span: store.statistics(
                [KEY, OTHER], NUMBERS, span, correlate=True, conditions=conditions
            ),
        )
        close(*map(asdict, found))
        query = StatisticsQuery(
            fields=NUMBERS, span=span, conditions=conditions, percentiles=(0, 1, 33.3, 99.9, 100), extreme_times=True
        )
        for name in ("insight", "integrals", "fitting_time"):
            found = await answers(stores, lambda store, name=name, query=query: getattr(store, name)(KEY, query))
            close(*map(listed, found))
        found = await answers(stores, lambda store, query=query: store.value_counts(KEY, ["label"], query))
        close(*map(listed, found))


def listed(answer):
    each = answer if isinstance(answer, list | tuple) else [answer]
    return [one if isinstance(one, float | None) else asdict(one) for one in each]


@pytest.mark.parametrize("aggregate", list(Aggregate))
async def test_buckets_agree(stores, aggregate):
    spread = SPREAD["std"] if aggregate is Aggregate.STD else 0.0
    for interval in (SECOND, 7 * SECOND + 13, 3_600 * SECOND):
        query = HistoryQuery(fields=FIELDS, span=Span(), interval=interval, aggregate=aggregate, conditions=(EITHER,))
        duck, postgres = await answers(stores, lambda store, query=query: store.history(KEY, query))
        np.testing.assert_array_equal(duck.timestamps, postgres.timestamps)
        assert list(duck.numbers) == list(postgres.numbers)
        for name, values in duck.numbers.items():
            np.testing.assert_allclose(values, postgres.numbers[name], rtol=1e-12, atol=spread)
        for name, texts in duck.texts.items():
            assert texts.tolist() == postgres.texts[name].tolist()


async def test_histories_and_pages_of_newest_rows_are_the_same(stores):
    for conditions in ((), (ABOVE,), (LABELLED, EITHER)):
        history = HistoryQuery(fields=FIELDS, span=SPANS[1], limit=200, newest_first=True, conditions=conditions)
        same_bits(*await answers(stores, lambda store, query=history: store.history(KEY, query)))
        page = NewestQuery(fields=FIELDS, span=SPANS[1], conditions=conditions, offset=95, limit=50)
        duck, postgres = await answers(stores, lambda store, query=page: store.newest([OTHER, KEY], query))
        same_bits(duck.frame, postgres.frame)
        assert (list(duck.device_codes), duck.total) == (list(postgres.device_codes), postgres.total)
