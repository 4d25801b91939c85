"""Statistics over several devices of which one has too few rows for a window: it has none, and the others count."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE, ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod
from feature_service.domain.query.feature_statistics import FeatureStatisticsQuery, FeatureStatisticsReader

FIELDS = ("a", "b", "c")
# So many rows that even one device's are not in memory at once.
WINDOW = MOST_VALUES_AT_ONCE // len(FIELDS) + 2
LONG, SHORT = (SeriesKey(tenant_id="t", device_code=code) for code in ("long", "short"))
ROWS = {LONG: WINDOW, SHORT: WINDOW - 1}


class Ones:
    """A telemetry store of two devices whose every value is 1."""

    async def read(self, key: SeriesKey, fields: Sequence[str], span: Span) -> Frame:
        return self._rows(key, fields)

    async def blocks(self, key: SeriesKey, fields: Sequence[str], span: Span, rows: int) -> AsyncIterator[Frame]:
        for piece in self._rows(key, fields).pieces(rows):
            yield piece

    async def row_count(self, key: SeriesKey, span: Span) -> int:
        return ROWS[key]

    def _rows(self, key: SeriesKey, fields: Sequence[str]) -> Frame:
        times = np.arange(ROWS[key]).astype("datetime64[us]")
        return Frame(timestamps=times, numbers={name: np.ones(len(times)) for name in fields})


@pytest.mark.parametrize("missing", [MissingMethod.DROP, MissingMethod.INTERPOLATE])
async def test_a_device_with_too_few_rows_for_a_window_has_none_and_the_others_count(missing: MissingMethod) -> None:
    store: Any = Ones()
    plan = ExtractionPlan(window=WindowPlan(size=WINDOW, overlap=0), features=("mean",), missing=missing)
    query = FeatureStatisticsQuery(fields=FIELDS, span=Span(), plan=plan, correlate=False)
    found = await FeatureStatisticsReader(store).read(ROWS, query)
    assert (found.windows, found.rows) == (1, 2 * WINDOW - 1)
    assert [each.mean for each in found.features] == [1.0, 1.0, 1.0]
