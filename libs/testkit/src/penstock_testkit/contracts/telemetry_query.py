"""What every TelemetryStore must answer to questions about its rows, checked against pandas.

A subclass gives the fixture `store`, empty and open.
"""

# The names of the tests are their documentation.
# ruff: noqa: D102
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pandas has no complete type information.

from typing import Any

import numpy as np
import pandas as pd
import pytest

from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import (
    Aggregate,
    Condition,
    HistoryQuery,
    NewestQuery,
    Operator,
    StatisticsQuery,
)
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND, frame_of, seconds_of


def is_above(field: str, value: float) -> Condition:
    """Return the condition that `field` is above `value`."""
    return Condition(field=field, operator=Operator.GT, operands=(value,))


class TelemetryQueryContract:
    """Part of the contract of a store; see :mod:`penstock_testkit.contracts.telemetry_store`."""

    async def test_statistics_equal_those_of_pandas(self, store: Any) -> None:
        values = np.random.default_rng(1).normal(1e3, 2, size=5_000)
        values[::7] = np.nan
        other = np.random.default_rng(2).normal(size=5_000)
        await store.append(KEY, frame_of(range(5_000), a=values, b=other))
        result = await store.statistics([KEY], ["a", "b"], Span(), correlate=True)
        table = pd.DataFrame({"a": values, "b": other})
        for field in result.fields:
            column = table[field.field]
            present = column.dropna()
            expected = {
                "mean": column.mean(),
                "std": column.std(),
                "min": column.min(),
                "max": column.max(),
                "median": column.median(),
                "sum": column.sum(),
                "first": present.iloc[0],
                "last": present.iloc[-1],
                "missing_ratio": column.isna().mean(),
            }
            assert {name: getattr(field, name) for name in expected} == pytest.approx(expected, rel=1e-12)
            assert field.count == len(present)
        np.testing.assert_allclose(np.reshape(result.correlations, (2, 2)), table.corr().to_numpy(), rtol=1e-9)
        assert (result.rows, result.first_time, result.last_time) == (5_000, 0, 4_999 * SECOND)

    async def test_statistics_of_nothing_and_of_constants_are_told_apart(self, store: Any) -> None:
        await store.append(KEY, frame_of([1, 2], a=[5, 5], b=[np.nan, np.nan], c=[1, 2]))
        result = await store.statistics([KEY], ["a", "b", "c"], Span(), correlate=True)
        constant, empty, _ = result.fields
        assert (constant.mean, constant.std) == (5, 0)
        assert (empty.mean, empty.count, empty.missing_ratio) == (None, 0, 1.0)
        matrix = np.reshape(result.correlations, (3, 3))
        assert matrix[2, 2] == 1.0
        assert np.isnan(matrix[:2]).all()

    async def test_statistics_cover_several_devices_that_differ_in_fields(self, store: Any) -> None:
        await store.append(KEY, frame_of([1, 2], a=[1, 2]))
        await store.append(OTHER, frame_of([3], a=[6], b=[1]))
        result = await store.statistics([KEY, OTHER], ["a", "b"], Span())
        assert [(field.mean, field.count, field.missing_ratio) for field in result.fields] == [
            (3.0, 3, 0.0),
            (1.0, 1, pytest.approx(2 / 3)),
        ]

    async def test_percentiles_and_the_first_times_of_extremes_equal_those_of_pandas(self, store: Any) -> None:
        values = np.random.default_rng(3).integers(0, 50, size=400).astype(float)
        values[::11] = np.nan
        await store.append(KEY, frame_of(range(400), a=values))
        query = StatisticsQuery(fields=["a"], span=Span(), percentiles=[0, 12.5, 50, 99, 100], extreme_times=True)
        (found,) = await store.insight(KEY, query)
        series = pd.Series(values)
        assert list(found.percentiles) == pytest.approx([series.quantile(each / 100) for each in query.percentiles])
        assert (found.min_time, found.max_time) == (int(series.argmin()) * SECOND, int(series.argmax()) * SECOND)

    async def test_texts_are_counted_the_commonest_first_and_missing_ones_too(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(6), {"t": ["b", "a", "b", None, "c", "a"]}, a=range(6)))
        query = StatisticsQuery(fields=["a"], span=Span(start=SECOND))
        found = await store.value_counts(KEY, ["t"], query)
        assert (found[0].field, found[0].value, found[0].count) == ("t", "a", 2)
        assert {(each.value, each.count) for each in found} == {("a", 2), ("b", 1), ("c", 1), ("", 1)}

    async def test_how_long_a_condition_held_and_integrals_are_weighed_by_time(self, store: Any) -> None:
        await store.append(KEY, frame_of([0, 2, 4, 6, 8], a=[1, 9, 9, 1, 9]))
        query = StatisticsQuery(fields=["a"], span=Span(), conditions=[is_above("a", 5)])
        held = await store.fitting_time(KEY, query)
        assert (held.seconds, held.spells, held.longest_seconds, held.longest_start) == (6, 2, 4, 2 * SECOND)
        assert [(each.start, each.seconds) for each in held.longest] == [(2 * SECOND, 4), (8 * SECOND, 2)]
        assert held.last is not None
        assert (held.last.start, held.last.seconds, held.ongoing) == (8 * SECOND, 2, True)
        over = StatisticsQuery(fields=["a"], span=Span(end=7 * SECOND), conditions=[is_above("a", 5)])
        assert not (await store.fitting_time(KEY, over)).ongoing
        long = StatisticsQuery(fields=["a"], span=Span(), conditions=[is_above("a", 5)], shortest_spell=3 * SECOND)
        held = await store.fitting_time(KEY, long)
        assert (held.seconds, held.spells, held.longest_seconds, held.ongoing) == (4, 1, 4, False)
        (integral,) = await store.integrals(KEY, StatisticsQuery(fields=["a"], span=Span()))
        assert integral == pytest.approx(2 * (1 + 9 + 9 + 1 + 9))

    async def test_gaps_are_told_with_the_last_row_before_each(self, store: Any) -> None:
        await store.append(KEY, frame_of([0, 2, 4, 40, 42, 142, 144], a=[1] * 7))
        held = await store.fitting_time(KEY, StatisticsQuery(fields=["a"], span=Span()))
        assert (held.gaps, held.gap_seconds) == (2, 136)
        assert [(each.start, each.seconds) for each in held.longest_gaps] == [(42 * SECOND, 100), (4 * SECOND, 36)]
        near = StatisticsQuery(fields=["a"], span=Span(end=5 * SECOND))
        assert (await store.fitting_time(KEY, near)).gaps == 0

    async def test_the_newest_rows_come_by_page_over_all_devices(self, store: Any) -> None:
        await store.append(KEY, frame_of([1, 3, 5], a=[1, 3, 5]))
        await store.append(OTHER, frame_of([2, 4], {"t": ["x", "y"]}, a=[2, 4]))
        query = NewestQuery(fields=["a", "t"], span=Span(), limit=2, offset=1)
        page = await store.newest([KEY, OTHER], query)
        assert (seconds_of(page.frame), list(page.device_codes), page.total) == ([4, 3], ["d2", "d'1"], 5)
        assert page.frame.texts["t"].tolist() == ["y", None]

    @pytest.mark.parametrize(
        ("operator", "operands", "expected"),
        [
            (Operator.EQ, (2.0,), [2]),
            (Operator.NE, (2.0,), [1, 3]),
            (Operator.LT, (2.0,), [1]),
            (Operator.LE, (2.0,), [1, 2]),
            (Operator.GT, (2.0,), [3]),
            (Operator.GE, (2.0,), [2, 3]),
            (Operator.IN, (1.0, 3.0), [1, 3]),
            (Operator.EQ, ("x",), []),
        ],
    )
    async def test_conditions_choose_rows(
        self, store: Any, operator: Operator, operands: tuple[float | str, ...], expected: list[int]
    ) -> None:
        await store.append(KEY, frame_of([1, 2, 3, 4], a=[1, 2, 3, np.nan]))
        conditions = [Condition(field="a", operator=operator, operands=operands)]
        page = await store.newest([KEY], NewestQuery(fields=["a"], span=Span(), conditions=conditions))
        assert (sorted(seconds_of(page.frame)), page.total) == (expected, len(expected))
        history = await store.history(KEY, HistoryQuery(fields=["a"], span=Span(), conditions=conditions))
        assert seconds_of(history) == expected

    async def test_of_alternative_conditions_one_is_enough(self, store: Any) -> None:
        await store.append(KEY, frame_of([1, 2, 3], {"t": ["x", "y", "x"]}, a=[1, 2, 3]))
        either = Condition(any_of=(is_above("a", 2), Condition(field="t", operator=Operator.EQ, operands=("y",))))
        page = await store.newest([KEY], NewestQuery(fields=["a"], span=Span(), conditions=[either]))
        assert sorted(seconds_of(page.frame)) == [2, 3]

    @pytest.mark.parametrize("aggregate", list(Aggregate))
    async def test_buckets_equal_resampling_in_pandas(self, store: Any, aggregate: Aggregate) -> None:
        seconds = np.unique(np.random.default_rng(5).integers(-200, 400, size=150))
        values = np.random.default_rng(6).normal(size=len(seconds))
        values[::9] = np.nan
        await store.append(KEY, frame_of(seconds, {"t": [f"v{second}" for second in seconds]}, a=values))
        query = HistoryQuery(fields=["a"], span=Span(), interval=60 * SECOND, aggregate=aggregate)
        frame = await store.history(KEY, query)
        buckets = pd.Series(values, index=pd.to_datetime(seconds, unit="s")).resample("60s", origin="epoch")
        expected = getattr(buckets, aggregate.value)()[buckets.size() > 0]
        if aggregate is Aggregate.SUM:
            expected = expected.where(buckets.count()[buckets.size() > 0] > 0)
        assert seconds_of(frame) == (expected.index.astype("datetime64[s]").astype("int64")).tolist()
        np.testing.assert_allclose(frame.numbers["a"], expected.to_numpy(dtype=float), rtol=1e-12)

    async def test_texts_in_buckets_are_the_last_or_the_first(self, store: Any) -> None:
        await store.append(KEY, frame_of([0, 1, 60], {"t": ["x", "y", "z"]}))
        for aggregate, expected in ((Aggregate.MEAN, ["y", "z"]), (Aggregate.FIRST, ["x", "z"])):
            query = HistoryQuery(fields=["t"], span=Span(), interval=60 * SECOND, aggregate=aggregate)
            assert (await store.history(KEY, query)).texts["t"].tolist() == expected

    async def test_history_is_limited_from_either_end(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(10), a=range(10)))
        oldest = await store.history(KEY, HistoryQuery(fields=["a"], span=Span(), limit=2))
        newest = await store.history(KEY, HistoryQuery(fields=["a"], span=Span(), limit=2, newest_first=True))
        assert (seconds_of(oldest), seconds_of(newest)) == ([0, 1], [9, 8])

    async def test_rows_come_by_the_values_of_a_field_without_those_that_have_none(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(5), a=[3, np.nan, 9, 1, 9], b=range(5)))
        for way, expected in ((True, [2, 4, 0]), (False, [3, 0, 2])):
            query = HistoryQuery(fields=["b"], span=Span(), limit=3, order_by="a", descending=way)
            frame = await store.history(KEY, query)
            assert (seconds_of(frame), frame.numbers["b"].tolist()) == (expected, expected)
        none = HistoryQuery(fields=["b"], span=Span(), limit=3, order_by="z")
        assert seconds_of(await store.history(KEY, none)) == []

    async def test_buckets_come_by_their_values_where_one_is_to_order_them(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(6), a=[1, 3, 9, 8, 4, 6]))
        query = HistoryQuery(fields=["a"], span=Span(), interval=2 * SECOND, order_by="a", descending=True, limit=2)
        frame = await store.history(KEY, query)
        assert (seconds_of(frame), frame.numbers["a"].tolist()) == ([2, 4], [8.5, 5])
