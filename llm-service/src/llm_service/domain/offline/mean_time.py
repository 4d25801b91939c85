"""Mean times of stops: how long machines run between two that last (MTBF), and how long one lasts (MTTR)."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Condition, Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE

_FAILURES: Final = ("failures", "failure", "stops", "faults", "breakdowns", "stoppages", "outages", "two stops")
_MEAN: Final = ("mean", "average", "the mean", "the average", "avg")
_BETWEEN: Final = frozenset(
    {
        *("mtbf", "mtbfs", "mttf", "mean time to failure", "average time to failure", "mean uptime between stops"),
        *(f"{mean} {time} between {what}" for mean in _MEAN for time in ("time", "run time") for what in _FAILURES),
        *(f"time between {what}" for what in _FAILURES if "stops" not in what),
        *(f"平均{what}间隔{time}" for what in ("故障", "停机", "失效", "无故障") for time in ("", "时间", "时长")),
        *("平均无故障时间", "平均无故障工作时间", "平均无故障运行时间", "平均失效前时间", "故障间隔时间", "故障间隔"),
        *("平均两次停机之间的时间", "平均两次故障之间的时间", "平均多久停一次机", "平均多久停机一次"),
    }
)
_REPAIR: Final = frozenset(
    {
        *("mttr", "mttrs"),
        *(f"{mean} time to {what}" for mean in _MEAN for what in ("repair", "recover", "recovery", "restore")),
        *("mean repair time", "average repair time", "time to repair", "repair time", "repair times"),
        *(f"平均{what}{time}" for what in ("修复", "维修", "恢复", "故障") for time in ("时间", "时长")),
        *("修复时间", "维修时间", "修复时长", "维修时长"),
    }
)
_HIGHEST: Final = frozenset({"longest", "the longest", "highest", "最长", "最久", "最高"})
_LOWEST: Final = frozenset({"shortest", "the shortest", "lowest", "最短", "最低"})
_TAKEN: Final = f"{IDLE.field} {IDLE.operator.value} {IDLE.value:g}"


def add_mean_time_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""
    for names in (_BETWEEN, _REPAIR):
        lexicon.add(Kind.STATE, IDLE, sorted(names))
        lexicon.add(Kind.HOW_LONG, None, sorted(names))


def with_mean_time(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for a mean time of stops where one is named: of those that last, if no length is named."""
    place = next((at for at in range(len(sentence)) if sentence.text(at) in _BETWEEN | _REPAIR), None)
    if place is None:
        return query
    said, raw = sentence.text(place), sentence.raw(place)
    read = any(note.remark is Remark.READ_AS and note.words[-1] == _TAKEN for note in query.notes)
    idle = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value)
    if not read or query.conditions != (idle,):
        named = any(raw in each for each in (*query.unread, query.refused))
        return query if named else replace(query, unread=(*query.unread, raw))
    # Of several machines or times each is told: the numbers set themselves side by side, the asked end first.
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=(Statistic.EVENTS, Statistic.DURATION),
        mean_time="between" if said in _BETWEEN else "repair",
        lasting=query.lasting or query.least is None,
        least=query.least or LASTING,
        over=query.over and query.least is not None,
        rank=False,
        ordered=_order(query, sentence, repair=said in _REPAIR),
        unread=tuple(each for each in query.unread if each.lower() not in _HIGHEST | _LOWEST),
        top=0,
        when=False,
        whether=False,
        each=False,
        longest=0,
        averaged=False,
    )


def _order(query: StructuredQuery, sentence: Sentence, *, repair: bool) -> str:
    """Which end is told first: of the best MTBF the highest, of the best MTTR the lowest; "" for none."""
    for lexeme in sentence.lexemes:
        best, end = lexeme.senses.get(Kind.BEST), lexeme.senses.get(Kind.STATISTIC)
        if isinstance(best, bool):
            return "highest" if best != repair else "lowest"
        if lexeme.text in _HIGHEST or end is Statistic.MAX:
            return "highest"
        if lexeme.text in _LOWEST or end is Statistic.MIN:
            return "lowest"
    return "highest" if query.rank and not repair else "lowest" if query.rank else ""
