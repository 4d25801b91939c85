"""Rows of several devices at the same moment: in the order of their devices, and each on one page alone."""

import pytest

from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, NewestQuery, Operator
from penstock_testkit.contracts.telemetry_rows import SECOND, frame_of, seconds_of

# Made in another order than that of their codes.
KEYS = {code: SeriesKey(tenant_id="t", device_code=code) for code in ("c", "a", "b")}


@pytest.fixture
async def store(telemetry_store):
    for place, key in enumerate(KEYS.values()):
        await telemetry_store.append(key, frame_of(range(4), v=[10 * place + at for at in range(4)]))
    await telemetry_store.append(SeriesKey(tenant_id="other", device_code="a"), frame_of(range(4), v=[-1] * 4))
    return telemetry_store


async def pages(store, size, **query):
    """Return time, device and value of every row, read in pages of this size, and the total that each page told."""
    keys = [KEYS[code] for code in "abc"]
    rows, totals = [], []
    while len(rows) == size * len(totals):
        asked = NewestQuery(**{"fields": ["v"], "span": Span(), "limit": size, "offset": len(rows), **query})
        page = await store.newest(keys, asked)
        values = page.frame.numbers["v"].tolist()
        rows += zip(seconds_of(page.frame), page.device_codes, values, strict=True)
        totals.append(page.total)
    return rows, totals


def value_of(code, at):
    return 10 * list(KEYS).index(code) + at


@pytest.mark.parametrize("size", [1, 2, 5, 12, 100])
async def test_pages_of_any_size_have_every_row_once_the_newest_first_and_of_a_moment_by_device(store, size):
    rows, totals = await pages(store, size)
    assert rows == [(at, code, value_of(code, at)) for at in (3, 2, 1, 0) for code in "abc"]
    assert set(totals) == {12}


async def test_pages_keep_to_the_range_from_its_start_to_before_its_end_and_to_conditions(store):
    span = Span(start=1 * SECOND, end=3 * SECOND)
    rows, totals = await pages(store, 4, span=span)
    assert rows == [(at, code, value_of(code, at)) for at in (2, 1) for code in "abc"]
    above = Condition(field="v", operator=Operator.GE, operands=(11.0,))
    rows, counted = await pages(store, 4, span=span, conditions=(above,))
    assert rows == [(2, "a", 12), (2, "b", 22), (1, "a", 11), (1, "b", 21)]
    assert (set(totals), set(counted)) == ({6}, {4})
