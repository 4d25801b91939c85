"""Several questions in one message, told apart by the marks and the links between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from llm_service.domain.offline.follow_up import completed
from llm_service.domain.offline.lexicon import Kind, Lexeme, lexemes_of
from llm_service.domain.offline.query import Condition, Intent, Note, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.token import is_code, tokenize
from llm_service.domain.offline.vocabulary import lexicon
from llm_service.domain.offline.words_state import RUNNING, State

_ENDS: Final = frozenset({"?", "？", "!", "！", ";", "；", "。"})
_LINKS: Final = frozenset({"and", "and also", "以及", "还有", "和", "，", ",", "、", "并且", "另外", "plus", "&"})
_THEN: Final = (" at that time ", " at that moment ", " then ", " at the time ", "当时", "那时", "那个时候", "那一刻")
_ENDS_ASKED: Final = frozenset({Statistic.MAX, Statistic.MIN})
_MOST: Final = 3
_TIMES: Final = frozenset({Kind.NOW, Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.PART, Kind.CLOCK})
# Words are not corrected before a message is told apart.
_MISSPELLED: Final = frozenset({"wich", "whitch", "wihch", "whcih"})
_HELD: Final = frozenset({Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE, Statistic.COUNT})
# Beside two labels these say no more than that their numbers are set side by side.
_MORE: Final = frozenset({"more", "fewer", "less", "than", "多", "少"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionParts:
    """The questions of a message in their order; `linked` says that nothing but "and" is between them.

    `then` are the words by which the second is asked of the moment that the first asks for.
    """

    texts: tuple[str, ...]
    linked: bool = False
    then: str = ""


def question_parts(text: str, known: Sequence[str]) -> QuestionParts:
    """Return the questions of `text`, at most three: those between marks, and those that "and" joins.

    "And" joins two when each says of its own device which number of which field it asks for.
    """
    lexemes = lexemes_of(tokenize(text), lexicon(), lexicon())
    codes = {code.lower() for code in known}
    cuts: list[tuple[int, int]] = []
    begin, all_linked, then = 0, True, ""
    for at, lexeme in enumerate(lexemes):
        marked = lexeme.text in _ENDS or (lexeme.text == "." and _ends(lexemes, at))
        linked = lexeme.text in _LINKS and _is_whole(lexemes[begin:at], codes) and _is_whole(lexemes[at + 1 :], codes)
        if lexeme.text in _LINKS and not cuts and _asks_of_then(lexemes, at, codes):
            linked, then = True, _said_then(lexemes[at + 1 :])
        apart = lexeme.text in _LINKS and _asks_end(lexemes[begin:at]) and _asks_end(lexemes[at + 1 :])
        marked = marked or apart
        linked = linked or (lexeme.text in _LINKS and _asks_state(lexemes[begin:at]) and _asks_state(lexemes[at + 1 :]))
        if (marked or linked) and len(cuts) < _MOST - 1:
            cuts.append((lexeme.tokens[0].start if linked or apart else lexeme.tokens[-1].end, lexeme.tokens[-1].end))
            begin, all_linked = at + 1, all_linked and not marked
    starts = [0, *(after for _, after in cuts)]
    ends = [*(before for before, _ in cuts), len(text)]
    texts = tuple(text[start:end].strip() for start, end in zip(starts, ends, strict=True))
    return QuestionParts(texts=tuple(filter(_says, texts)), linked=all_linked, then=then)


def _says(part: str) -> bool:
    """Whether a part says anything: a greeting or thanks do not."""
    lexemes = lexemes_of(tokenize(part), lexicon(), lexicon())
    return any(Kind.FILLER not in lexeme.senses and any(map(str.isalnum, lexeme.text)) for lexeme in lexemes)


def _ends(lexemes: Sequence[Lexeme], at: int) -> bool:
    """Whether the full stop ends a sentence: a blank and a capital or a device follow."""
    after = lexemes[at + 1] if at + 1 < len(lexemes) else None
    return after is not None and not after.tokens[0].glued and after.raw[:1].isupper()


def _is_whole(lexemes: Sequence[Lexeme], codes: set[str]) -> bool:
    """Whether these words name a device, a field and a number of it."""
    kinds = {kind for lexeme in lexemes for kind in lexeme.senses}
    device = any(lexeme.text in codes or is_code(lexeme.text) for lexeme in lexemes)
    return device and Kind.FIELD in kinds and Kind.STATISTIC in kinds


def _asks_state(lexemes: Sequence[Lexeme]) -> bool:
    """Whether these words ask which machines are doing something: "哪几台在焊", "which are stopped"."""
    which = any(Kind.WHICH in lexeme.senses for lexeme in lexemes)
    numbers = {lexeme.senses.get(Kind.STATISTIC) for lexeme in lexemes} - {None, Statistic.LAST}
    plain = not numbers and not any(Kind.FIELD in lexeme.senses for lexeme in lexemes)
    return which and plain and any(Kind.STATE in lexeme.senses for lexeme in lexemes)


def _asks_end(lexemes: Sequence[Lexeme]) -> bool:
    """Whether these words ask which machine is first at a time of their own: "which was hottest at 8 yesterday"."""
    which = any(Kind.WHICH in lexeme.senses or lexeme.text in _MISSPELLED for lexeme in lexemes)
    ends = any(
        lexeme.senses.get(Kind.STATISTIC) in _ENDS_ASKED
        or getattr(lexeme.senses.get(Kind.MORE), "statistic", None) in _ENDS_ASKED
        for lexeme in lexemes
    )
    return which and ends and any(not _TIMES.isdisjoint(lexeme.senses.keys()) for lexeme in lexemes)


def _said_then(lexemes: Sequence[Lexeme]) -> str:
    """The words that say when it is asked of: at the time that was asked for before; "" for none."""
    said = f" {' '.join(lexeme.text for lexeme in lexemes)} "
    return next((each.strip() for each in _THEN if each in said or each in said.replace(" ", "")), "")


def _asks_of_then(lexemes: Sequence[Lexeme], at: int, codes: set[str]) -> bool:
    """Whether what is behind `at` asks of another machine what it did at the time that is asked for before it."""
    before, behind = lexemes[:at], lexemes[at + 1 :]
    named = [[each.text for each in part if each.text in codes or is_code(each.text)] for part in (before, behind)]
    when = any(Kind.ASK_WHEN in lexeme.senses for lexeme in before)
    return when and bool(_said_then(behind)) and all(named) and not set(named[0]) & set(named[1])


def parts_of(
    parts: QuestionParts, whole: StructuredQuery, parse: Callable[[str], StructuredQuery]
) -> tuple[StructuredQuery, ...]:
    """Return the queries of several questions, each with what it takes from those before; `whole` where it is one.

    A part that only says something of another ("only today") makes one question of them all.
    """
    if len(parts.texts) < 2 or whole.refused:
        return (whole,)
    asked = [parse(part) for part in parts.texts]
    if any(not _asks(query) for query in asked) or any(map(_names_all, parts.texts[1:], asked[1:])):
        return (whole,)
    if parts.then and len(asked) == 2:
        return _of_moment(asked[0], asked[1], parts.then)
    if parts.linked:
        return tuple(_timed(query, asked) for query in asked)
    found: list[StructuredQuery] = []
    for query in asked:
        found.append(completed(query, found[-1] if found else None))
    return tuple(found)


def _of_moment(first: StructuredQuery, second: StructuredQuery, said: str) -> tuple[StructuredQuery, ...]:
    """Two questions, the second of the moment that the first asks for; what can't be put so is named."""
    known = first.when and len(first.fields) == 1 and set(first.statistics) <= _ENDS_ASKED and first.statistics
    if known and second.conditions and not second.fields and not second.time:
        return (first, replace(second, then=first, owner=said))
    return (first, replace(second, unread=(*second.unread, said)))


def by_label(query: StructuredQuery) -> tuple[StructuredQuery, ...]:
    """Return a query for each value that a text field shall have: no reading has two, so they are compared."""
    values = [c for c in query.conditions if isinstance(c.value, str) and c.operator is Operator.EQ]
    fields = {condition.field for condition in values}
    if query.any_condition or len(values) < 2 or len(fields) != 1:
        return (query,)
    others = tuple(condition for condition in query.conditions if condition not in values)
    query = replace(query, unread=tuple(each for each in query.unread if each.lower() not in _MORE))
    compared = query.intent is Intent.COMPARE
    if compared and not query.statistics and not query.fields:
        # "How many more good ones than porous ones".
        query = replace(query, statistics=(Statistic.COUNT,))
    intent = Intent.STATISTICS if compared else query.intent
    periods = () if compared else query.periods
    time = query.time
    return tuple(
        replace(query, intent=intent, time=time, periods=periods, conditions=(*others, each)) for each in values
    )


def by_state(query: StructuredQuery) -> tuple[StructuredQuery, ...]:
    """Return a query for each of two states that the same is asked of: "how long was it idle and welding"."""
    states = [each for each in query.conditions if each.field == RUNNING.field and each.value == RUNNING.value]
    if len(states) != 1 or len(query.conditions) > 1 or query.fields or not _held(query):
        return (query,)
    for phrase in (*query.unread, *query.counted_as):
        lexemes = lexemes_of(tokenize(phrase), lexicon(), lexicon())
        other = lexemes[0].senses.get(Kind.STATE) if len(lexemes) == 1 else None
        if isinstance(other, State) and other.operator is not states[0].operator:
            condition = Condition(field=other.field, operator=other.operator, value=other.value)
            note = Note(remark=Remark.READ_AS, words=(phrase, f"{other.field} {other.operator.value} {other.value:g}"))
            query = replace(query, unread=tuple(each for each in query.unread if each != phrase))
            # Together they are all of the time: no pause is left out.
            query = replace(query, least=None, lasting=False) if query.lasting else query
            return (query, replace(query, conditions=(condition,), notes=(note,)))
    return (query,)


def _held(query: StructuredQuery) -> bool:
    """Whether it is asked how long, how often or when something held, and nothing else."""
    asked = set(query.statistics)
    return (bool(asked) or query.when or query.since) and asked <= _HELD and not query.rank


def _timed(query: StructuredQuery, asked: Sequence[StructuredQuery]) -> StructuredQuery:
    """The query, with the range that was only said of another one."""
    times = {other.time for other in asked if other.time}
    other = next((other for other in asked if other.time), None)
    if query.time or other is None or len(times) != 1 or query.statistics == (Statistic.LAST,):
        return query
    return replace(query, time=other.time, periods=other.periods, zone=other.zone)


def _names_all(part: str, query: StructuredQuery) -> bool:
    """Whether a part only says of which machines it is asked, "四台都要", and asks for no list of them."""
    lexemes = lexemes_of(tokenize(part), lexicon(), lexicon())
    listing = any(
        lexeme.senses.get(Kind.INTENT) is Intent.LIST_DEVICES or {Kind.WHICH, Kind.HOW_MANY} & lexeme.senses.keys()
        for lexeme in lexemes
    )
    plain = not (query.fields or query.statistics or query.conditions or query.time or query.asks_unit)
    return query.intent is Intent.LIST_DEVICES and query.all_devices and plain and not listing


def _asks(query: StructuredQuery) -> bool:
    if query.follows and (query.time or query.devices or query.references):
        return True
    measured = (
        query.fields
        or query.statistics
        or query.conditions
        or query.percentiles
        or query.limit
        or query.when
        or query.since
    )
    return bool(measured or query.intent in {Intent.ANOMALY, Intent.TREND, Intent.COMPARE, Intent.LIST_DEVICES})
