"""What every TelemetryStore must do, checked against pandas. A subclass gives the fixture `store`, empty and open.

What only some stores promise, such as surviving a restart of the process, is tested beside those.
"""

# The names of the tests are their documentation.
# ruff: noqa: D102
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pandas has no complete type information.

import asyncio
from collections.abc import Sequence
from functools import reduce
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS, Span
from feature_service.domain.telemetry.query import (
    HistoryQuery,
    NewestQuery,
    StatisticsQuery,
)
from penstock_kit.errors import InvalidArgument
from penstock_testkit.contracts.telemetry_query import TelemetryQueryContract
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND, frame_of, seconds_of

ODD_NAMES: Final = (
    'Flow "Rate"',
    "la bel",
    "温度",
    "a;DROP TABLE x",
    "ts",
    "time",
    "select",
    "F0",
    "f0",
    "%s",
    "?",
    "x" * 200,
)


async def blocks_of(store: Any, fields: Sequence[str], span: Span, rows: int | None) -> list[Frame]:
    """Return all blocks of the series KEY."""
    return [block async for block in store.blocks(KEY, fields, span, rows)]


class TelemetryStoreContract(TelemetryQueryContract):
    """Subclass it as ``TestXTelemetryStore``; `first_micros` and `last_micros` are the first and last time there is."""

    first_micros = FIRST_MICROS
    last_micros = END_MICROS - 1

    async def test_rows_before_a_moment_go_from_every_series_and_the_others_stay(self, store: Any) -> None:
        day = 86_400
        months = [float(number * 31 * day) for number in range(12)]
        await store.append(KEY, frame_of(months, **{"flow rate": [float(number) for number in range(12)]}))
        await store.append(OTHER, frame_of([-1.0, 31 * day * 3 - 0.000001, 31.0 * day * 3], x=[1.0, 2.0, 3.0]))
        moment = 31 * day * 3 * 1_000_000
        assert await store.delete_before(moment) == 5
        assert await store.delete_before(moment) == 0
        assert seconds_of(await store.read(KEY, ["flow rate"], Span())) == months[3:]
        assert seconds_of(await store.read(OTHER, ["x"], Span())) == [31.0 * day * 3]
        assert set(await store.series()) == {KEY, OTHER}
        # What was deleted can be written again.
        await store.append(KEY, frame_of(months[:2], **{"flow rate": [7.0, 8.0]}))
        assert (await store.read(KEY, ["flow rate"], Span())).numbers["flow rate"].tolist()[:3] == [7.0, 8.0, 3.0]

    async def test_a_series_has_another_version_after_each_change_and_others_keep_theirs(self, store: Any) -> None:
        rows = frame_of([1, 2], x=[1, 2])
        await store.append_all([(KEY, rows), (OTHER, rows)])
        if store.version(KEY) is None:
            assert store.version(OTHER) is None, "nobody can tell without asking"
            return
        seen, other = [store.version(KEY)], store.version(OTHER)
        for change in (
            lambda: store.append(KEY, frame_of([3], x=[3])),
            lambda: store.append(KEY, frame_of([3], x=[4])),
            lambda: store.append_all([(KEY, frame_of([1.5], y=[1]))]),
            lambda: store.drop(KEY),
            lambda: store.append(KEY, rows),
        ):
            await change()
            seen.append(store.version(KEY))
        assert len(set(seen)) == len(seen)
        assert store.version(OTHER) == other
        await store.delete_before(2_000_000)
        assert store.version(KEY) not in seen
        assert store.version(OTHER) != other

    async def test_rows_come_back_as_they_were_written(self, store: Any) -> None:
        rows = frame_of([1, 2, 3], {"label": ["x", None, "z"]}, **{"flow rate": [1.5, np.nan, 3]})
        await store.append(KEY, rows)
        frame = await store.read(KEY, ["flow rate", "label"], Span())
        assert seconds_of(frame) == [1, 2, 3]
        np.testing.assert_array_equal(frame.numbers["flow rate"], [1.5, np.nan, 3])
        assert frame.texts["label"].tolist() == ["x", None, "z"]
        assert await store.fields(KEY) == {"flow rate": FieldKind.NUMBER, "label": FieldKind.TEXT}

    async def test_numbers_keep_every_bit(self, store: Any) -> None:
        values = [0.1, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308, 2.0**53, -1e-300]
        await store.append(KEY, frame_of(range(7), a=values))
        found = (await store.read(KEY, ["a"], Span())).numbers["a"]
        np.testing.assert_array_equal(found, values)
        assert np.signbit(found[2])

    async def test_texts_keep_every_character(self, store: Any) -> None:
        values = ["don't", 'say "hi"', "a\\b", "line\nbreak", "溶接 ✓ 🙂", "x" * 5_000, " space ", "%s ? $1"]
        await store.append(KEY, frame_of(range(8), {"t": values}))
        assert (await store.read(KEY, ["t"], Span())).texts["t"].tolist() == values

    async def test_any_text_is_the_name_of_a_field(self, store: Any) -> None:
        await store.append(KEY, frame_of([1], **{name: [float(place)] for place, name in enumerate(ODD_NAMES)}))
        frame = await store.read(KEY, ODD_NAMES, Span())
        assert [float(frame.numbers[name][0]) for name in ODD_NAMES] == list(range(len(ODD_NAMES)))
        assert tuple(await store.fields(KEY)) == ODD_NAMES

    async def test_names_that_differ_in_case_are_two_fields(self, store: Any) -> None:
        await store.append(KEY, frame_of([1], Pressure=[1], pressure=[2]))
        frame = await store.read(KEY, ["pressure", "Pressure"], Span())
        assert (frame.numbers["pressure"][0], frame.numbers["Pressure"][0]) == (2, 1)

    async def test_any_text_is_the_code_of_a_device(self, store: Any) -> None:
        keys = [SeriesKey(tenant_id="t", device_code=code) for code in ("a", "A", "a.b", "a-b", "a b", "设备", "a'\"")]
        for number, key in enumerate(keys):
            await store.append(key, frame_of([1], a=[number]))
        found = [await store.read(key, ["a"], Span()) for key in keys]
        assert [float(frame.numbers["a"][0]) for frame in found] == list(range(len(keys)))

    async def test_many_fields_fit_into_a_series(self, store: Any) -> None:
        names = [f"field {number}" for number in range(300)]
        await store.append(KEY, frame_of([1, 2], **{name: [number, -number] for number, name in enumerate(names)}))
        frame = await store.read(KEY, names, Span())
        assert [float(frame.numbers[name][1]) for name in names] == [-float(number) for number in range(300)]

    async def test_the_range_includes_its_start_and_not_its_end(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(10), a=range(10)))
        frame = await store.read(KEY, ["a"], Span(start=2 * SECOND, end=5 * SECOND))
        assert seconds_of(frame) == [2, 3, 4]
        assert await store.row_count(KEY, Span(start=2 * SECOND, end=5 * SECOND)) == 3

    async def test_the_first_and_the_last_microsecond_that_there_are_can_be_stored(self, store: Any) -> None:
        edges = np.array([self.first_micros, -1, 0, 1, self.last_micros]).astype("datetime64[us]")
        await store.append(KEY, Frame(timestamps=edges, numbers={"a": np.arange(5.0)}))
        frame = await store.read(KEY, ["a"], Span())
        np.testing.assert_array_equal(frame.timestamps, edges)
        extent = await store.extent(KEY)
        assert (extent.first, extent.last, extent.rows) == (self.first_micros, self.last_micros, 5)
        near = await store.read(KEY, ["a"], Span(start=-1, end=1))
        assert near.timestamps.astype("int64").tolist() == [-1, 0]

    async def test_a_series_never_written_is_empty(self, store: Any) -> None:
        query = StatisticsQuery(fields=["a"], span=Span())
        assert len(await store.read(KEY, ["a"], Span())) == 0
        assert await store.fields(KEY) == {}
        assert await store.extent(KEY) is None
        assert await store.row_count(KEY, Span()) == 0
        assert (await store.statistics([KEY], ["a"], Span())).rows == 0
        assert (await store.newest([KEY], NewestQuery(fields=["a"], span=Span()))).total == 0
        assert len(await store.history(KEY, HistoryQuery(fields=["a"], span=Span()))) == 0
        assert [(each.min_time, list(each.percentiles)) for each in await store.insight(KEY, query)] == [(None, [])]
        assert list(await store.value_counts(KEY, ["t"], query)) == []
        assert (await store.fitting_time(KEY, query)).seconds == 0
        assert list(await store.integrals(KEY, query)) == [None]
        await store.drop(KEY)

    async def test_a_field_the_series_does_not_have_is_missing_everywhere(self, store: Any) -> None:
        await store.append(KEY, frame_of([1, 2], a=[1, 2]))
        assert np.isnan((await store.read(KEY, ["b"], Span())).numbers["b"]).all()

    async def test_writing_the_same_rows_again_changes_nothing(self, store: Any) -> None:
        rows = frame_of([1, 2, 3], {"t": ["x", None, "z"]}, a=[1, np.nan, 3])
        for _ in range(3):
            await store.append_all([(KEY, rows), (OTHER, rows)])
        frame = await store.read(KEY, ["a", "t"], Span())
        np.testing.assert_array_equal(frame.numbers["a"], [1, np.nan, 3])
        assert frame.texts["t"].tolist() == ["x", None, "z"]
        assert [(await store.extent(key)).rows for key in (KEY, OTHER)] == [3, 3]

    async def test_late_rows_are_put_in_order(self, store: Any) -> None:
        await store.append(KEY, frame_of([10, 20], a=[1, 2]))
        await store.append(KEY, frame_of([5, 15], a=[3, 4]))
        frame = await store.read(KEY, ["a"], Span())
        assert seconds_of(frame) == [5, 10, 15, 20]
        assert frame.numbers["a"].tolist() == [3, 1, 4, 2]

    async def test_a_later_value_replaces_and_a_missing_one_leaves_what_is_stored(self, store: Any) -> None:
        await store.append(KEY, frame_of([1, 2, 3], {"t": ["x", "y", "z"]}, a=[1, 2, 3], b=[1, 2, 3]))
        await store.append(KEY, frame_of([2, 3, 4], {"t": [None, "w", "v"]}, a=[20, np.nan, 40], c=[7, 8, 9]))
        frame = await store.read(KEY, ["a", "b", "c", "t"], Span())
        np.testing.assert_array_equal(frame.numbers["a"], [1, 20, 3, 40])
        np.testing.assert_array_equal(frame.numbers["b"], [1, 2, 3, np.nan])
        np.testing.assert_array_equal(frame.numbers["c"], [np.nan, 7, 8, 9])
        assert frame.texts["t"].tolist() == ["x", "y", "w", "v"]

    @pytest.mark.parametrize("seed", range(5))
    async def test_any_batches_merge_as_combining_them_in_pandas(self, store: Any, seed: int) -> None:
        random = np.random.default_rng(seed)
        batches: list[dict[int, float]] = []
        for _ in range(int(random.integers(2, 6))):
            times = np.unique(random.integers(0, 9, size=6))
            batches.append({int(time): [np.nan, float(random.integers(100))][random.integers(2)] for time in times})
        for batch in batches:
            await store.append(KEY, frame_of(batch, a=list(batch.values())))
        series = [pd.Series(batch, dtype=float) for batch in batches]
        expected = reduce(lambda old, new: new.combine_first(old), series).sort_index()
        frame = await store.read(KEY, ["a"], Span())
        assert seconds_of(frame) == expected.index.tolist()
        np.testing.assert_array_equal(frame.numbers["a"], expected.to_numpy())

    async def test_a_field_cannot_change_its_kind(self, store: Any) -> None:
        await store.append(KEY, frame_of([1], a=[1]))
        with pytest.raises(InvalidArgument, match="field 'a' of device \"d'1\" holds numbers, the rows bring texts"):
            await store.append(KEY, frame_of([2], {"a": ["x"]}, b=[1]))
        assert await store.fields(KEY) == {"a": FieldKind.NUMBER}
        await store.append(KEY, frame_of([2], b=[1]))
        assert (await store.extent(KEY)).rows == 2

    @pytest.mark.parametrize("rows", [1, 7, 100, 250, 1_000, None])
    async def test_blocks_together_are_the_whole_read(self, store: Any, rows: int | None) -> None:
        values = np.arange(250.0)
        values[::9] = np.nan
        texts = {"t": [None if second % 5 == 0 else f"v{second}" for second in range(250)]}
        await store.append(KEY, frame_of(range(100, 250), {"t": texts["t"][100:]}, a=values[100:]))
        await store.append(KEY, frame_of(range(100), {"t": texts["t"][:100]}, a=values[:100]))
        whole = await store.read(KEY, ["a", "t", "none"], Span())
        blocks = await blocks_of(store, ["a", "t", "none"], Span(), rows)
        assert all(0 < len(block) <= (rows or 250) for block in blocks)
        np.testing.assert_array_equal(np.concatenate([block.timestamps for block in blocks]), whole.timestamps)
        np.testing.assert_array_equal(np.concatenate([block.numbers["a"] for block in blocks]), values)
        assert np.isnan(np.concatenate([block.numbers["none"] for block in blocks])).all()
        assert [text for block in blocks for text in block.texts["t"]] == texts["t"] == whole.texts["t"].tolist()

    async def test_blocks_keep_to_the_range(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(50), a=range(50)))
        blocks = await blocks_of(store, ["a"], Span(start=10 * SECOND, end=31 * SECOND), 10)
        assert [seconds_of(block)[0] for block in blocks] == [10, 20, 30]
        assert sum(map(len, blocks)) == 21

    async def test_without_rows_there_is_one_empty_block(self, store: Any) -> None:
        assert [len(block) for block in await blocks_of(store, ["a"], Span(), 10)] == [0]
        await store.append(KEY, frame_of([1], {"t": ["x"]}, a=[1]))
        (block,) = await blocks_of(store, ["a", "t"], Span(start=5 * SECOND), 10)
        assert (len(block), list(block.numbers), list(block.texts)) == (0, ["a"], ["t"])

    async def test_blocks_may_be_left_before_their_end(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(50), a=range(50)))
        reading = store.blocks(KEY, ["a"], Span(), 10)
        assert seconds_of(await anext(reading))[-1] == 9
        await reading.aclose()
        assert await store.row_count(KEY, Span()) == 50

    async def test_tenants_do_not_see_each_others_series(self, store: Any) -> None:
        await store.append(KEY, frame_of([1], a=[1]))
        stranger = SeriesKey(tenant_id="u", device_code=KEY.device_code)
        assert await store.extent(stranger) is None
        await store.append(stranger, frame_of([5], a=[5]))
        await store.drop(stranger)
        assert seconds_of(await store.read(KEY, ["a"], Span())) == [1]

    async def test_a_dropped_series_is_gone_and_can_be_written_again(self, store: Any) -> None:
        await store.append(KEY, frame_of([1], a=[1]))
        await store.drop(KEY)
        assert await store.extent(KEY) is None
        assert await store.fields(KEY) == {}
        await store.append(KEY, frame_of([2], {"a": ["text now"]}))
        assert (await store.extent(KEY)).rows == 1

    async def test_reads_beside_writes_see_whole_rows(self, store: Any) -> None:
        await store.append(KEY, frame_of(range(1000), {"t": ["x"] * 1000}, a=range(1000)))

        async def write(block: int) -> None:
            rows = frame_of(range(block * 1000, block * 1000 + 1000), {"t": ["x"] * 1000}, a=range(1000))
            await store.append(KEY, rows)

        async def read() -> None:
            frame = await store.read(KEY, ["a", "t"], Span())
            assert not np.isnan(frame.numbers["a"]).any()
            assert all(text == "x" for text in frame.texts["t"])

        await asyncio.gather(*(write(block) for block in range(1, 9)), *(read() for _ in range(8)))
        assert (await store.extent(KEY)).rows == 9000

    async def test_series_and_fields_may_be_made_at_the_same_time(self, store: Any) -> None:
        keys = [SeriesKey(tenant_id="t", device_code=f"d{number}") for number in range(4)]

        async def write(key: SeriesKey, number: int) -> None:
            await store.append(key, frame_of([number], **{f"f{number % 3}": [number]}))

        await asyncio.gather(*(write(key, number) for key in keys for number in range(6)))
        for key in keys:
            assert sorted(await store.fields(key)) == ["f0", "f1", "f2"]
            frame = await store.read(key, ["f0", "f1", "f2"], Span())
            assert seconds_of(frame) == list(range(6))
            assert np.nansum(np.vstack(list(frame.numbers.values()))) == sum(range(6))
