"""Stops as people mean them: those that last, not each pause between two seams."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE, State

# Between two seams the arc is out for some 16 s, a thousand times a day. Who changes a wire, a part or a shift takes
# minutes: nothing is lost at one minute, and four times a usual pause stays below it.
LASTING: Final = timedelta(minutes=1)
"""Stops of so long at least count, where a question names no length of its own."""
# Shorter intervals would cut stops into pieces that don't last.
_SHORTEST_INTERVAL: Final = 10 * LASTING
_TAKEN: Final = f"{IDLE.field} {IDLE.operator.value} {IDLE.value:g}"
_TIMES: Final = frozenset({Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE})
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
# Parts of the words for what lies between two seams, or for an arc that goes out.
_BRIEF: Final = ("weld", "焊", "pause", "pausing", "interrupt", "between", "gap", "arc", "弧", "停顿", "停歇", "中断")
_BRIEF_BESIDE: Final = ("pause", "pauses", "seam", "seams", "interruptions", "停顿", "焊缝", "焊道", "中断", "间隔")
# Words for what goes on between stops, too.
_IDLING: Final = ("idle", "idling", "standby", "inactive", "unused", "闲", "待机", "空转")
_SUMMED: Final = frozenset(
    {
        *("total", "the total", "in total", "total time", "the total time", "total duration", "altogether", "in all"),
        *("all in all", "together", "all together", "overall", "sum of", "how long in total", "total of", "totals"),
    }
)
_SUMMED_HAN: Final = ("总", "一共", "合计", "累计", "共计", "加起来")
# How far the number stands from what says that it is a limit.
_NEAR: Final = 2
_BELOW: Final = frozenset({Operator.LT, Operator.LE})
_SHORT: Final = frozenset({"short", "shorter", "brief", "tiny", "shorter than"})
_ALL: Final = frozenset({"all", "every"})
_INCLUDING: Final = frozenset(
    {
        *("including", "include", "included", "includes", "incl", "with", "also", "even", "count", "too"),
        *("counting", "counted"),
    }
)
_AROUND: Final = _INCLUDING | frozenset(
    {
        *("and", "but", "the", "very", "ones", "one", "of", "them", "those", "these", "as", "well", "please"),
        *("stops", "pauses", "breaks", "what", "about", "how", "many", "were", "there", "are", "if", "you", "i", "we"),
    }
)
_SHORT_HAN: Final = ("短", "全部", "所有", "都算")
_INCLUDING_HAN: Final = frozenset("包含算连加也")
_AROUND_HAN: Final = frozenset("包括含算上连同也加把呢吗的那么都全部所有在内短停顿次机一起计入进去小暂一共多少几，")


def with_lasting(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the stops that last, where it asks for stops and names no length of its own."""
    if not _asks_for_stops(query):
        return query
    texts = [lexeme.text for lexeme in sentence.lexemes]
    if any(text in _SHORT or "短" in text for text in texts):
        included = any(text in _INCLUDING or text[:1] in _INCLUDING_HAN for text in texts)
        kept = (each for each in query.unread if not (included and _is_of_short_ones(each)))
        return replace(query, unread=tuple(kept))
    brief = any(_is_brief(sentence, at) for at in range(len(sentence))) or _counts_all(query, sentence)
    return query if brief else replace(query, least=LASTING, over=False, lasting=True)


def _asks_for_stops(query: StructuredQuery) -> bool:
    """Whether the number, the time or the length of what is called a stop is asked for, and nothing of its values."""
    said = [note.words[0].lower() for note in query.notes if note.remark is Remark.READ_AS and note.words[-1] == _TAKEN]
    stopped = says(query, IDLE) and bool(said)
    timed = asks_times(query) and set(query.statistics) <= _TIMES | _ENDS
    single = query.first or query.always or (query.time is not None and query.time.instant)
    short = query.interval is not None and query.interval < _SHORTEST_INTERVAL
    brief = any(part in each for each in said for part in _BRIEF)
    return bool(stopped and timed and query.least is None) and not (single or short or brief)


def _counts_all(query: StructuredQuery, sentence: Sentence) -> bool:
    """Whether the time that was idle is asked for in all, or as a share of a time: pauses are a part of it.

    "How long was it stopped" asks for the stops, "how long was it idle" and "total downtime" for all of it.
    """
    once = query.when or query.each or query.longest or query.latest or query.once
    if Statistic.EVENTS in query.statistics or once:
        return False
    if Statistic.SHARE in query.statistics:
        return True
    said = " ".join(note.words[0].lower() for note in query.notes if note.remark is Remark.READ_AS)
    texts = [lexeme.text for lexeme in sentence.lexemes]
    shared = any(Kind.TIME_SHARE in lexeme.senses or Kind.SHARE in lexeme.senses for lexeme in sentence.lexemes)
    summed = any(text in _SUMMED or text.startswith(_SUMMED_HAN) for text in texts)
    return shared or summed or any(part in said for part in _IDLING)


def is_brief(query: StructuredQuery) -> bool:
    """Return whether the state is called by the arc or the weld, which pauses between two seams interrupt."""
    said = [note.words[0].lower() for note in query.notes if note.remark is Remark.READ_AS]
    return any(part in each for each in said for part in _BRIEF)


def says(query: StructuredQuery, state: State) -> bool:
    """Return whether the state is the one condition of `query`, in whatever unit its field has."""
    plain = tuple(replace(each, unit="") for each in query.conditions)
    return plain == (Condition(field=state.field, operator=state.operator, value=state.value),)


def asks_times(query: StructuredQuery) -> bool:
    """Whether it is asked how often, how long or when something was, and for no values."""
    timed = bool(_TIMES & set(query.statistics)) or (query.when and not query.statistics)
    return timed and set(query.fields) <= {IDLE.field}


def _is_brief(sentence: Sentence, at: int) -> bool:
    """Whether the word says that short ones are meant, or names a length that stops have to stay below."""
    senses = sentence.lexeme_senses(at)
    below = senses.get(Kind.OPERATOR) in _BELOW or senses.get(Kind.SUFFIX) in _BELOW
    near = sentence.lexemes[max(at - _NEAR, 0) : at + _NEAR + 1]
    numbered = any(lexeme.number is not None for lexeme in near)
    return (below and numbered) or sentence.text(at).endswith(_BRIEF_BESIDE)


def _is_of_short_ones(phrase: str) -> bool:
    """Whether an unread phrase is a part of "including the short ones"."""
    words = phrase.lower().split()
    return all(word in _AROUND | _SHORT for word in words) or set(phrase) <= _AROUND_HAN


def with_short_ones(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` with the short stops counted too: "including the short ones?", "all of them"; else None."""
    if not before.lasting:
        return None
    plain = text.lower().strip("?？。.! ")
    words = plain.replace(",", " ").split()
    english = any(word in _SHORT | _ALL for word in words) and set(words) <= _AROUND | _SHORT | _ALL
    chinese = any(key in plain for key in _SHORT_HAN) and set(plain) <= _AROUND_HAN
    return replace(before, least=None, lasting=False, notes=()) if english or chinese else None
