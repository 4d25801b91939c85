"""The ratio of two fields: "the ratio of gas flow to wire feed", "gas per metre of wire", "每米焊丝用多少气"."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.query import Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_RATIOS: Final = frozenset({"ratio", "the ratio", "ratios", "比值", "之比", "比率", "值"})
_CHINESE: Final = ("比值", "之比", "的比率")
_METRES: Final = frozenset({"metre", "metres", "meter", "meters", "m", "米"})
_PER: Final = frozenset({"per", "每", "for each", "for every", "each"})
_WIRE: Final = "wire_feed"
_MINUTELY: Final = "/min"
_AMOUNTS: Final = frozenset({Statistic.MEAN, Statistic.INTEGRAL})


def with_ratio(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the ratio of its two fields where that is asked for."""
    texts = [lexeme.text for lexeme in sentence.lexemes]
    joined = "".join(texts)
    named = not _RATIOS.isdisjoint(texts) or any(each in joined for each in _CHINESE)
    metre = any(a in _PER and b in _METRES for a, b in pairwise(texts)) or "每米" in texts
    by_metre = metre and _WIRE in query.fields
    if len(query.fields) != 2 or not (named or by_metre) or not _is_plain(query):
        return query
    fields = query.fields
    if by_metre:
        fields = (next(each for each in fields if each != _WIRE), _WIRE)
    words = _RATIOS | _METRES | {"每米"}
    unread = tuple(each for each in query.unread if each.lower() not in words)
    asked = replace(
        query,
        intent=Intent.STATISTICS,
        fields=fields,
        unread=unread,
        unit="",
        counted_as=(),
    )
    kept = tuple(note for note in query.notes if note.remark is not Remark.READ_AS or note.words[-1] != _WIRE)
    return replace(asked, statistics=(Statistic.MEAN,), ratio=True, notes=kept)


def ratio_unit(above: str, below: str) -> str:
    """Return the unit of a ratio: L/min to m/min is L/m."""
    if above == below:
        return ""
    if above.endswith(_MINUTELY) and below.endswith(_MINUTELY):
        return f"{above.removesuffix(_MINUTELY)}/{below.removesuffix(_MINUTELY)}"
    return f"{above}/({below})" if "/" in below else f"{above}/{below}" if above and below else ""


def _is_plain(query: StructuredQuery) -> bool:
    """Whether nothing else is asked for."""
    more = query.percentiles or query.interval or query.limit or query.judged or query.rank or query.versus
    other = query.when or query.since or query.refused or query.negation or query.holds
    kinds = {Intent.STATISTICS, Intent.COMPARE}
    return not more and not other and query.intent in kinds and set(query.statistics) <= _AMOUNTS
