"""Which parts of a question each kind of answer heeds; an answer names all the others."""

from collections.abc import Callable, Sequence
from typing import Final

from llm_service.domain.offline.field import unmatched_fields
from llm_service.domain.offline.query import Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.result import DeviceCard
from llm_service.domain.offline.verdict import beside_fields
from llm_service.domain.offline.words_data import LABEL_FIELD

_HEEDED: Final = {
    "list": frozenset({"model_code"}),
    "statistics": frozenset({"decimals", "conditions", "periods", "percentiles", "unit"}),
    "fitting": frozenset({"conditions", "periods", "when", "since", "each", "compare", "top", "unit"}),
    "versus": frozenset({"when", "versus", "whether"}),
    "holds": frozenset({"conditions", "periods", "holds", "when"}),
    "power": frozenset({"decimals", "conditions", "periods", "rank", "top", "unit", "compare"}),
    "judged": frozenset({"decimals", "conditions", "periods"}),
    "when": frozenset({"decimals", "conditions", "periods", "when", "unit"}),
    "correlation": frozenset({"conditions", "periods"}),
    "rank": frozenset({"decimals", "conditions", "percentiles", "unit", "rank", "top", "limits"}),
    "slopes": frozenset({"decimals", "conditions", "unit", "rank", "top"}),
    "periods": frozenset({"decimals", "conditions", "unit", "periods", "rank", "top"}),
    "at": frozenset({"decimals", "unit", "periods"}),
    "compare": frozenset({"decimals", "conditions", "percentiles", "unit", "periods"}),
    "anomaly": frozenset({"conditions", "periods"}),
    "trend": frozenset({"conditions"}),
    "last": frozenset({"decimals", "conditions", "unit", "when"}),
    "rows": frozenset({"decimals", "conditions", "limit", "unit", "ordered"}),
    "intervals": frozenset({"decimals", "again", "top", "conditions", "interval", "unit", "rank", "limits"}),
    "features": frozenset({"window_size"}),
}
_OF_READINGS: Final = frozenset({Statistic.SHARE, Statistic.CORRELATION, Statistic.EVENTS, Statistic.DURATION})
_FIELD_STATISTICS: Final = frozenset(Statistic) - _OF_READINGS
_STATISTICS: Final = {
    "list": frozenset({Statistic.COUNT}),
    "fitting": frozenset(
        {
            *(Statistic.COUNT, Statistic.SHARE, Statistic.FIRST, Statistic.LAST, Statistic.EVENTS, Statistic.DURATION),
        }
    ),
    "at": frozenset({Statistic.LAST, Statistic.MAX, Statistic.MIN}),
    "rank": frozenset(Statistic) - {Statistic.CORRELATION},
    "slopes": frozenset({Statistic.CHANGE, Statistic.MAX, Statistic.MIN}),
    "periods": frozenset({Statistic.INTEGRAL, Statistic.MAX, Statistic.MIN}),
    "when": frozenset({Statistic.MAX, Statistic.MIN}),
    "correlation": frozenset({Statistic.CORRELATION}),
    "anomaly": frozenset({Statistic.MAX, Statistic.MIN, Statistic.MISSING_RATIO}),
    "trend": frozenset({Statistic.MEAN, Statistic.MAX, Statistic.MIN, Statistic.FIRST, Statistic.LAST}),
    "last": frozenset({Statistic.LAST}),
    "rows": frozenset({Statistic.MAX, Statistic.MIN}),
    "holds": frozenset({Statistic.LAST}),
    "judged": frozenset[Statistic](),
    "power": frozenset({Statistic.MEAN, Statistic.INTEGRAL, Statistic.SUM, Statistic.MAX, Statistic.MIN}),
    "versus": frozenset({Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE, Statistic.MEAN}),
    "intervals": frozenset(Statistic),  # what no row can hold is named where the calls are planned
    "features": frozenset[Statistic](),
}
# What is told without single readings far from the rest, too.
_TOLD_APART: Final = frozenset({Statistic.MAX, Statistic.MIN, Statistic.RANGE})
_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})
# The kinds of answers that tell extremes without such readings.
_WITHOUT: Final = frozenset({"statistics", "when", "rank", "compare"})
# Answers about conditions, in which no further field shows by itself.
_OF_CONDITIONS: Final = frozenset({"fitting", "holds"})
# Answers in which a field that no device has does not show by itself.
_ABOUT_MORE: Final = frozenset({"anomaly", "fitting", "features"})


def told_apart(query: StructuredQuery) -> bool:
    """Whether nothing but extremes is asked for, which are told without readings far from the rest anyway."""
    return bool(query.statistics) and set(query.statistics) <= _TOLD_APART


def parts_left_out(query: StructuredQuery, kind: str) -> list[str]:
    """Return the parts of `query` that an answer of this kind can't heed."""
    several = len(query.devices) > 1 or len(query.periods) > 1
    parts = {
        "conditions": query.conditions,
        "periods": len(query.periods) > 1,
        "percentiles": query.percentiles,
        "interval": query.interval,
        "limit": query.limit,
        "limits": query.limits,
        "when": query.when and Statistic.MISSING_RATIO not in query.statistics and not _tells_times(query, kind),
        "unit": query.unit,
        "rank": query.rank and len(query.devices) > 1 and not (kind == "holds" and not query.statistics),
        "window_size": query.window_size or query.window_length,
        "again": query.again,
        "model_code": query.model_code,
        "top": query.top,
        "ordered": query.ordered and not query.mean_time,
        "since": query.since,
        "versus": query.versus,
        "holds": query.holds,
        "decimals": query.decimals is not None,
        "least": query.least
        and not (kind in {"fitting", "rank"} and _times(query))
        and not (kind == "statistics" and Statistic.MISSING_RATIO in query.statistics and not query.conditions),
        "measure": kind == "rank" and not query.fields and not query.conditions and not _counts(query),
        "robust": query.robust
        and (kind not in _WITHOUT or not told_apart(query))
        and not (kind == "statistics" and query.fields),
        "doing": query.doing and kind != "fitting",
        "latest": query.latest and kind != "fitting",
        "at_once": query.at_once and kind != "fitting",
        "mean_time": query.mean_time and kind != "fitting",
        "each": query.each and not (kind == "rank" and query.longest == 1),
        "time": query.time and kind == "list",
        "compare": query.intent is Intent.COMPARE and not several,
        "fields": (len(query.fields) > 1 and query.rank and kind in {"rank", "intervals"})
        or (kind in _OF_CONDITIONS and bool(beside_fields(query))),
        "statistics": _lost_statistics(query, kind),
        "prices": query.prices and kind != "power" and Statistic.INTEGRAL not in query.statistics,
    }
    return [name for name, there in parts.items() if there and name not in _HEEDED[kind]]


def _tells_times(query: StructuredQuery, kind: str) -> bool:
    """Whether a ranking tells when: each interval is one, and an extreme has its time."""
    extremes = bool(query.statistics) and set(query.statistics) <= _EXTREMES
    return query.rank and (kind == "intervals" or (kind == "rank" and extremes and bool(query.fields)))


def _times(query: StructuredQuery) -> bool:
    """Whether stretches are told, of which only long ones may count."""
    return bool(set(query.statistics) & {Statistic.EVENTS, Statistic.DURATION}) or query.when or query.since


def _counts(query: StructuredQuery) -> bool:
    """Whether readings are what is counted, or nothing says by what to rank and the number of readings is meant."""
    return bool(set(query.statistics) & (_OF_READINGS | {Statistic.COUNT, Statistic.MISSING_RATIO}))


def _lost_statistics(query: StructuredQuery, kind: str) -> bool:
    asked = set(query.statistics) - {Statistic.PERCENTILE}
    if kind == "fitting" and query.rank and len(query.periods) > 1:
        # They say in which order the ranges are told.
        asked -= _EXTREMES
    measured = len(asked - _EXTREMES) + len(query.percentiles)
    return bool(asked - _STATISTICS.get(kind, _FIELD_STATISTICS)) or (kind == "rank" and measured > 1)


def missing_fields(
    query: StructuredQuery,
    kind: str,
    *,
    codes: Sequence[str],
    named: Sequence[str],
    card_of: Callable[[str], DeviceCard | None],
) -> list[Note]:
    """Return a remark for each field asked for that a device has not, where the answer does not tell it by itself.

    `codes` are the devices that are answered for, `named` are the fields of the answer, for a device that is not known.
    """
    notes: list[Note] = []
    for code in codes:
        card = card_of(code)
        if card is None and not named:
            # Nothing is known of its fields.
            continue
        existing = [*card.fields, *card.text_fields] if card else [*named, LABEL_FIELD]
        missing = unmatched_fields(query.fields, existing)
        told = len(missing) == len(query.fields) and kind not in _ABOUT_MORE
        if not told:
            notes += [Note(remark=Remark.NO_FIELD, words=(code, phrase)) for phrase in missing]
    return notes
