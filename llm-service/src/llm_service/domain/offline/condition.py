"""Conditions on readings: "where current > 200", "above 60 °C", "quality_label is good", "电流大于200A"."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.query import Condition, Operator
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind, is_code
from llm_service.domain.offline.unit import field_of_unit
from llm_service.domain.offline.words_data import FIELDS, GOOD, LABEL_FIELD

_QUIET: Final = (Kind.FILLER, Kind.WHERE)
_INSIDE: Final = frozenset({"within", "inside"})
_IS: Final = frozenset({"is", "was", "were", "are", "be", "=", "为", "是", "equals", "等于", "being", "stays", "reads"})
_NOT_EVIDENT: Final = frozenset({"over", "under", "below", "above", "超", "no more than"})
FLIPPED: Final = {
    Operator.EQ: Operator.NE,
    Operator.GT: Operator.LE,
    Operator.GE: Operator.LT,
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
    Operator.NE: Operator.EQ,
}
NEVER: Final = frozenset(
    {
        *("never", "not once", "never ever", "not even once", "not a single time", "at no time"),
        *("从未", "从不", "从没", "从来没有", "从来没", "没有一次", "一次都没", "一次也没", "一次都没有", "一次也没有"),
    }
)
"""Whether it ever was so is asked with these, no reading is left out."""
_TURNING: Final = (Kind.NOT, Kind.EXCEPT)
# How far an exclusion reaches over what it excludes, what that may be, and what ends it.
_CARRIED: Final = 4
_EXCLUDED: Final = (Kind.STATE, Kind.LABEL, Kind.FILLER, Kind.ROWS, Kind.AND, Kind.OR)
_TURNING_BACK: Final = frozenset({"but", "only", "just", "只", "只看", "仅"})
# Behind what 除 excludes.
CLOSING: Final = frozenset({"外", "以外", "之外"})
MOST: Final = 10
_NUMBERS: Final = frozenset(FIELDS) - {LABEL_FIELD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number with its unit, "" without one, up to lexeme `end`."""

    number: float
    unit: str
    end: int


def find_conditions(sentence: Sentence) -> tuple[tuple[Condition, ...], bool]:
    """Return the comparisons with numbers and texts in `sentence`, and whether one of them is enough.

    Their words are marked, their fields are left. Where "or" stands between some and not between others, it stays
    unread.
    """
    found: list[Condition] = []
    places: list[int] = []
    for at in range(len(sentence)):
        if len(found) >= MOST:
            break
        if at not in sentence.used:
            each = (
                _non_zero(sentence, at)
                or _between(sentence, at)
                or _compared(sentence, at)
                or _suffixed(sentence, at)
                or _is(sentence, at)
            )
            places += [at for _ in each]
            found += each
    links = [linked_by_or(sentence, first, second) for first, second in pairwise(places)]
    either = bool(links) and all(link is not None for link in links)
    for link in links if either else ():
        sentence.use(link or 0, (link or 0) + 1)
    return tuple(dict.fromkeys(found)), either


def _non_zero(sentence: Sentence, at: int) -> list[Condition]:
    """ "Non-zero current", "电流不为零"."""
    if not sentence.has(at, Kind.NON_ZERO):
        return []
    behind = sentence.senses(sentence.skip(at + 1, (Kind.FILLER,))).get(Kind.FIELD)
    subject = _subject(sentence, at)
    field = behind if isinstance(behind, str) else subject[1] if subject else ""
    sentence.use(at, at + 1)
    return [Condition(field=field, operator=Operator.NE, value=0.0)]


def linked_by_or(sentence: Sentence, first: int, second: int) -> int | None:
    """The place of the "or" between two conditions."""
    return next((at for at in range(first, second) if sentence.has(at, Kind.OR)), None)


def excluded_at(sentence: Sentence, at: int) -> int | None:
    """The place of the word that excludes what the word before `at` leads to: "excluding readings where …"."""
    before = sentence.skip(at - 1, (*_QUIET, Kind.ROWS), step=-1)
    return before if sentence.has(before, Kind.EXCEPT) else None


def carried_exclusion(sentence: Sentence, at: int) -> int | None:
    """The place of the word that excludes what is before an "and" and what is behind it: "excluding stops and …"."""
    place = at - 1
    while place > at - _CARRIED and not _links(sentence, place):
        if sentence.text(place) in _TURNING_BACK or not (
            sentence.has(place, Kind.FILLER) or sentence.has(place, Kind.ROWS)
        ):
            return None
        place -= 1
    if sentence.text(place) in _TURNING_BACK:
        return None
    for back in range(place - 1, max(place - _CARRIED, 0) - 1, -1):
        senses = sentence.lexeme_senses(back)
        if Kind.EXCEPT in senses:
            return back
        if sentence.text(back) in _TURNING_BACK or not any(kind in senses for kind in _EXCLUDED):
            return None
    return None


def _links(sentence: Sentence, at: int) -> bool:
    return sentence.has(at, Kind.AND) or sentence.has(at, Kind.OR)


def close_exclusion(sentence: Sentence, at: int) -> None:
    """Mark what ends an exclusion before `at`, over words that say nothing: "除了气孔的读数以外"."""
    place = sentence.skip(at, (Kind.FILLER, Kind.ROWS))
    for end in (at, place):
        if sentence.text(end) in CLOSING:
            sentence.use(at, end + 1)


def negation_at(sentence: Sentence, at: int) -> int | None:
    """The place before `at`, over words that say nothing, of a word that turns what follows round."""
    before = sentence.skip(at - 1, (*_QUIET, Kind.ROWS), step=-1)
    turning = (place for place in (at - 1, before) if any(sentence.has(place, kind) for kind in _TURNING))
    return next(turning, None)


def value_at(sentence: Sentence, at: int) -> Value | None:
    """Return the number at `at` with its unit; a length of time is none."""
    sign = -1.0 if sentence.text(at) in {"-", "−", "minus", "负"} else 1.0
    start = at + (sign < 0)
    counted = number_at(sentence, start)
    if counted is None:
        return None
    value, end = counted
    unit = sentence.senses(end).get(Kind.UNIT)
    timed = sentence.has(end, Kind.TIME_UNIT) or sentence.has(end, Kind.AGO) or sentence.has(end, Kind.HALF)
    if not isinstance(unit, str) or (len(unit) == 1 and not _is_symbol(sentence, end)):
        return (
            None
            if timed or _goes_on(sentence, end) or _is_date(sentence, end)
            else Value(number=sign * value, unit="", end=end)
        )
    return Value(number=sign * value, unit=unit, end=end + 1)


def _goes_on(sentence: Sentence, at: int) -> bool:
    """Whether the number before `at` goes on as a time does: 9:30, 9点, 2026年."""
    minutes = sentence.text(at) == ":" and sentence.number(at + 1) is not None
    return minutes or sentence.text(at) in {"点", "年", "月", "号"}


def _is_date(sentence: Sentence, at: int) -> bool:
    """Whether the number before `at` goes on as a date does: 2026-11-28, 28/11/2026, 28.11.2026."""
    mark = sentence.text(at)
    numbers = [sentence.number(at + 1), sentence.number(at + 3)]
    return mark in {"-", "/", "."} and sentence.text(at + 2) == mark and None not in numbers


def _is_symbol(sentence: Sentence, at: int) -> bool:
    """Whether a unit of one letter is written as one: "200 A", "60K", not "a"."""
    return (
        not sentence.raw(at).islower()
        or not sentence.raw(at).isascii()
        or len(sentence.raw(at)) > 1
        or (sentence.glued(at))
    )


def _subject(sentence: Sentence, at: int) -> tuple[int, str] | None:
    """The field before `at`, over words that say nothing, with its place."""
    place = sentence.skip(at - 1, (*_QUIET, Kind.NOT), step=-1)
    for each in (at - 1, place):
        field = sentence.senses(each).get(Kind.FIELD)
        if isinstance(field, str):
            return each, field
    return None


def _distant_field(sentence: Sentence, at: int) -> str:
    """The field before the device that stands before `at`: "was the current of WLD001 ever above 200"."""
    place = sentence.skip(at - 1, _QUIET, step=-1)
    device = place >= 0 and (sentence.has(place, Kind.DEVICE) or is_code(sentence.text(place)))
    field = sentence.senses(sentence.skip(place - 1, _QUIET, step=-1)).get(Kind.FIELD) if device else None
    return field if isinstance(field, str) else ""


def _condition(
    sentence: Sentence, begin: int, operator: Operator, value: Value, *, evident: bool
) -> list[Condition] | None:
    subject = _subject(sentence, begin)
    field = subject[1] if subject else field_of_unit(value.unit) or _distant_field(sentence, begin)
    if not evident and not field and not value.unit:
        return None
    negation = negation_at(sentence, subject[0] if subject else begin)
    carried = None if negation is not None else carried_exclusion(sentence, subject[0] if subject else begin)
    led = _leads(sentence, subject[0] - 1) if subject else False
    if negation is not None and not led and sentence.text(negation) in NEVER:
        negation = None
    negated = _negates(sentence, subject, begin, led=led) != (negation is not None or carried is not None)
    start = subject[0] + 1 if subject else begin
    if negation is not None:
        sentence.use(negation, subject[0] if subject else begin)
    while start > 0 and not subject and _leads(sentence, start - 1):
        start -= 1
    sentence.use(start, value.end)
    if negation is not None:
        close_exclusion(sentence, value.end)
    if subject and _leads(sentence, subject[0] - 1):
        sentence.use(subject[0] - 1, subject[0])
    how = FLIPPED[operator] if negated else operator
    return [Condition(field=field, operator=how, value=value.number, unit=value.unit)]


def _leads(sentence: Sentence, at: int) -> bool:
    """Whether the word does no more than lead to a condition: "焊接的时候" is one itself."""
    return sentence.has(at, Kind.WHERE) and not sentence.has(at, Kind.STATE)


def _negates(sentence: Sentence, subject: tuple[int, str] | None, begin: int, *, led: bool) -> bool:
    """Whether "not" is between a field and its operator: "current did not go above".

    "Never" asks whether it ever did, unless a word such as "where" has led to it.
    """
    return subject is not None and any(
        sentence.has(at, Kind.NOT) and (led or sentence.text(at) not in NEVER) for at in range(subject[0] + 1, begin)
    )


def _compared(sentence: Sentence, at: int) -> list[Condition]:
    operator = sentence.senses(at).get(Kind.OPERATOR) or _linked(sentence, at)
    if not isinstance(operator, Operator):
        return []
    start = sentence.skip(at + 1, (Kind.FILLER,))
    value = value_at(sentence, at + 1) or value_at(sentence, start)
    if value is not None:
        evident = sentence.text(at) not in _NOT_EVIDENT or _subject(sentence, at) is not None
        # "Excluding values below 10" are those of the field that is asked about.
        excluded = sentence.skip(at - 1, (*_QUIET, Kind.ROWS), step=-1)
        evident = evident or sentence.has(excluded, Kind.EXCEPT)
        evident = evident or bool(_distant_field(sentence, at) and not sentence.has(value.end, Kind.ROWS))
        return _condition(sentence, at, operator, value, evident=evident) or []
    return _texts(sentence, at, at + 1, operator) if operator in {Operator.EQ, Operator.NE} else []


def _linked(sentence: Sentence, at: int) -> object:
    """ "Not good and above 150 A": the words behind a number elsewhere lead to one here."""
    leads = sentence.text(at).startswith("and ") and value_at(sentence, at + 1) is not None
    return sentence.senses(at).get(Kind.SUFFIX) if leads and sentence.number(at - 1) is None else None


def _suffixed(sentence: Sentence, at: int) -> list[Condition]:
    """200A以上, 60 or more."""
    value = value_at(sentence, at)
    operator = sentence.senses(value.end).get(Kind.SUFFIX) if value else None
    if value is None or not isinstance(operator, Operator):
        return []
    behind = Value(number=value.number, unit=value.unit, end=value.end + 1)
    return _condition(sentence, at, operator, behind, evident=True) or []


def _between(sentence: Sentence, at: int) -> list[Condition]:
    """Field between A and B; without a field before it or a unit behind it, it is a range of time."""
    leads = sentence.has(at, Kind.BETWEEN) or sentence.text(at) in _INSIDE
    if not leads and not (sentence.has(at, Kind.FROM) and _subject(sentence, at)):
        return []
    low = value_at(sentence, at + 1)
    if low is None or not sentence.has(low.end, Kind.TO):
        return []
    high = value_at(sentence, low.end + 1)
    if high is None or _is_timely(sentence, high.end):
        return []
    unit = high.unit or low.unit
    subject = _subject(sentence, at)
    if negation_at(sentence, at) is not None or (subject and negation_at(sentence, subject[0]) is not None):
        # What is outside a range is below or above it, and conditions all have to hold: it stays unread.
        return []
    timely = high.number <= 24 and low.number <= 24 and not unit
    where = subject is not None and any(sentence.has(subject[0] - back, Kind.WHERE) for back in (1, 2))
    if not unit and (subject is None or (timely and not where)):
        return []
    end = high.end + (sentence.text(high.end) in {"之间", "间"})
    first = Value(number=low.number, unit=unit, end=end)
    lower = _condition(sentence, at, Operator.GE, first, evident=True) or []
    field = lower[0].field if lower else ""
    return [*lower, Condition(field=field, operator=Operator.LE, value=high.number, unit=unit)]


def _is_timely(sentence: Sentence, at: int) -> bool:
    """Whether the number before `at` goes on as a time or a date: "between 25 and 27 November"."""
    dated = sentence.has(sentence.skip(at, (Kind.FILLER,)), Kind.MONTH)
    return dated or sentence.text(at) in {":", "点", "/", "-", "月", "日", "号"}


def _is(sentence: Sentence, at: int) -> list[Condition]:
    """Field is text ("quality_label is good", "质量为良好", "status = running"), field = number after "where"."""
    if sentence.text(at) not in _IS:
        return []
    subject = _subject(sentence, at)
    if subject is None:
        return []
    where = any(sentence.has(subject[0] - back, Kind.WHERE) for back in (1, 2))
    value = value_at(sentence, at + 1)
    if value is not None and where:
        return _condition(sentence, at, Operator.EQ, value, evident=True) or []
    return _texts(sentence, at, at + 1, Operator.EQ)


def _texts(sentence: Sentence, at: int, start: int, operator: Operator) -> list[Condition]:
    """The text a field is compared with: a label, a quoted text or, after "where", any single word."""
    subject = _subject(sentence, at)
    quoted = any(lexeme.tokens[0].kind is TokenKind.QUOTED for lexeme in sentence.lexemes[start : start + 2])
    if subject is None or (subject[1] in _NUMBERS and not (quoted and _leads(sentence, subject[0] - 1))):
        # "The gas was wasted" compares no number with a text.
        return []
    excluded = excluded_at(sentence, subject[0])
    negated = sentence.has(start, Kind.NOT) or sentence.has(at - 1, Kind.NOT)
    start += sentence.has(start, Kind.NOT)
    token = sentence.lexemes[start].tokens[0] if start < len(sentence) and start not in sentence.used else None
    label = sentence.senses(start).get(Kind.LABEL)
    unknown = token is not None and token.kind in {TokenKind.WORD, TokenKind.QUOTED} and not sentence.senses(start)
    if not isinstance(label, str) and not unknown:
        return []
    # Words for good and bad are those of the quality; a state may be called so itself.
    own = subject[1] != LABEL_FIELD
    value = label if isinstance(label, str) and not own else sentence.raw(start)
    if label == "" and not own:
        operator, value = FLIPPED[operator], GOOD
    end = start + 1
    sentence.use(subject[0] + 1, end)
    if _leads(sentence, subject[0] - 1):
        sentence.use(subject[0] - 1, subject[0])
    if excluded is not None:
        sentence.use(excluded, subject[0])
        close_exclusion(sentence, end)
    how = FLIPPED[operator] if negated != (excluded is not None) else operator
    return [Condition(field=subject[1], operator=how, value=value)]


def named_fields(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Return the fields that conditions are about, each once."""
    return tuple(dict.fromkeys(condition.field for condition in conditions if condition.field))
