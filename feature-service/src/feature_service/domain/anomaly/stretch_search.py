"""Reads what stretches are found in: text fields with what is usual for them, and the rows beside the range."""

from collections.abc import Sequence
from typing import Final

from feature_service.domain.anomaly.stretch import BESIDE, Stretch, find_stretches, usual_states
from feature_service.domain.extraction.cancellation import run_abandonable
from feature_service.domain.model.device import Device
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import StatisticsQuery
from feature_service.domain.telemetry.store import TelemetryStore

_DAY: Final = 86_400_000_000
_MOST_TEXTS: Final = 20


async def search_stretches(
    telemetry: TelemetryStore, key: SeriesKey, device: Device, fields: Sequence[str], span: Span, *, most_values: int
) -> tuple[Stretch, ...]:
    """Return the stretches of `span`, where the day before it says what is usual; `fields` are compared.

    Where the rows have more than `most_values` values none are looked for.
    """
    texts = [name for name, kind in device.fields.items() if kind is FieldKind.TEXT][:_MOST_TEXTS]
    if not texts:
        return ()
    asked = StatisticsQuery(fields=(), span=_wider(span, before=_DAY, after=0), value_counts=True)
    states = usual_states(await telemetry.value_counts(key, texts, asked))
    wanted = [*fields, *states]
    around = _wider(span, before=BESIDE, after=BESIDE)
    if not states or await telemetry.row_count(key, around) * len(wanted) > most_values:
        return ()
    frame = await telemetry.read(key, wanted, around)
    return await run_abandonable(lambda check: find_stretches(frame, states, fields, span))


def _wider(span: Span, *, before: int, after: int) -> Span:
    return Span(
        start=None if span.start is None else span.start - before, end=None if span.end is None else span.end + after
    )
