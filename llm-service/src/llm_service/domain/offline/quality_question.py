"""Questions for how good welds were, which labels tell: better or worse, the course of the quality, defects alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Note, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.reading import Reading
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD
from llm_service.domain.offline.words_shop import GRADING

# From so much time on the shares of days are told, below it those of hours.
_LONG: Final = timedelta(days=2)
_GOOD_ONES: Final = Condition(field=LABEL_FIELD, operator=Operator.EQ, value=GOOD)
_COMPARED: Final = frozenset(
    {
        "better",
        "worse",
        "best",
        "worst",
        "better than",
        "worse than",
        "更好",
        "更差",
        "最好",
        "最差",
        "好一些",
        "差一些",
    }
)
_SELECTING: Final = (Kind.WHERE, Kind.EXCEPT, Kind.WHETHER, Kind.ASK_WHEN)


def graded(query: StructuredQuery) -> StructuredQuery:
    """ "The trend of the quality", "quality per hour": by the share of good ones, of each day or hour."""
    trend = query.intent is Intent.TREND
    asked = trend or (query.interval and set(query.statistics) <= {Statistic.MEAN})
    if not asked or query.fields != (LABEL_FIELD,) or query.conditions or (trend and query.interval):
        return query
    span = query.time.end - query.time.start if query.time and query.time.start and query.time.end else _LONG
    return replace(
        query,
        intent=Intent.STATISTICS,
        fields=(),
        statistics=(Statistic.SHARE,),
        conditions=(_GOOD_ONES,),
        interval=query.interval or (timedelta(days=1) if span >= _LONG else timedelta(hours=1)),
        recent=False,
    )


def read_quality(sentence: Sentence, reading: Reading) -> None:
    """Read what is asked of the quality and says no number: "is it getting worse", "is A better than B", "defects"."""
    topic = reading.topic
    texts = {lexeme.text for lexeme in sentence.lexemes}
    if _asks_how_good(sentence, reading):
        topic.fields, topic.statistics, topic.whether, reading.conditions = (LABEL_FIELD,), (), False, ()
    elif topic.named is Intent.TREND and not topic.fields and not reading.conditions and texts & GRADING:
        topic.fields = (LABEL_FIELD,)
    elif _asks_interval(sentence, reading):
        _rank_intervals(sentence, reading)
    elif topic.fields in {(), (LABEL_FIELD,)} and _sets_apart(sentence, reading):
        _compare(sentence, reading)
    elif _asks_occasion(sentence, reading):
        reading.when = topic.once = True
    elif _compares_label(reading):
        topic.statistics = (Statistic.SHARE,)
    elif _names_labels(sentence, reading):
        topic.statistics = (Statistic.SHARE,) if _percent(sentence) else (Statistic.COUNT,)


def _compares_label(reading: Reading) -> bool:
    """ "Compare the porosity of WLD001 and WLD003": the shares of one label, on several machines or at two times."""
    topic, devices = reading.topic, reading.devices
    several = len(devices.codes) + len(devices.references) > 1 or len(reading.times.ranges) > 1 or devices.by_group
    label = len(reading.conditions) == 1 and reading.conditions[0].field == LABEL_FIELD
    plain = not (topic.fields or topic.statistics or reading.percentiles or reading.interval or reading.when)
    return topic.named is Intent.COMPARE and label and plain and (several or devices.everyone)


def _asks_occasion(sentence: Sentence, reading: Reading) -> bool:
    """ "The first porosity on WLD003", "last undercut of today": when that was; mark the word."""
    topic = reading.topic
    plain = not (topic.statistics or topic.fields or topic.named or reading.when or reading.rows or reading.interval)
    for at in range(len(sentence)) if plain and reading.conditions else ():
        newest, labelled = sentence.senses(at).get(Kind.NEWEST), sentence.labelled(at + 1)
        if (isinstance(newest, bool) or sentence.text(at) in {"first", "last"}) and labelled:
            topic.first = newest is False or sentence.text(at) == "first"
            sentence.use(at, at + 1)
            return True
    return False


def _asks_interval(sentence: Sentence, reading: Reading) -> bool:
    """Whether the best or the worst hour is asked for, by labels or by nothing else named."""
    ranked = reading.interval is not None and reading.interval.which
    labels = all(each.field == LABEL_FIELD for each in reading.conditions)
    plain = reading.topic.fields in {(), (LABEL_FIELD,)} and not reading.topic.statistics
    return ranked and labels and plain and any(sentence.text(at) in _COMPARED for at in sentence.find(Kind.BEST))


def _rank_intervals(sentence: Sentence, reading: Reading) -> None:
    place = next(at for at in sentence.find(Kind.BEST) if sentence.text(at) in _COMPARED)
    best = sentence.senses(place)[Kind.BEST] is True
    sentence.use(place, place + 1)
    reading.conditions = reading.conditions or (replace(_GOOD_ONES, operator=Operator.NE),)
    good = any(each.operator is Operator.EQ and each.value == GOOD for each in reading.conditions)
    reading.topic.fields, reading.topic.statistics = (
        (),
        (Statistic.COUNT, Statistic.MAX if best == good else Statistic.MIN),
    )


def _asks_how_good(sentence: Sentence, reading: Reading) -> bool:
    """ "How good was WLD002 today": no field is named, and no yes or no is asked for."""
    topic = reading.topic
    asked = any(sentence.text(at) == "how" and sentence.labelled(at + 1) for at in range(len(sentence)))
    labels = reading.conditions and all(each.field == LABEL_FIELD for each in reading.conditions)
    return asked and bool(labels) and not topic.fields and topic.statistics in {(), (Statistic.EVENTS,)}


def _sets_apart(sentence: Sentence, reading: Reading) -> bool:
    """Whether two devices, or all, are better or worse than each other, by labels or by nothing else named."""
    places = [at for at in sentence.find(Kind.BEST) if sentence.text(at) in _COMPARED]
    topic = reading.topic
    two = len(reading.devices.codes) + len(reading.devices.references) > 1
    labelled = all(condition.field == LABEL_FIELD for condition in reading.conditions)
    counted = topic.whether and topic.statistics == (Statistic.EVENTS,)
    return (
        bool(places)
        and (counted or not topic.statistics)
        and (two or topic.which)
        and labelled
        and not reading.interval
        and not reading.rows
    )


def _compare(sentence: Sentence, reading: Reading) -> None:
    place = next(at for at in sentence.find(Kind.BEST) if sentence.text(at) in _COMPARED)
    topic = reading.topic
    best = sentence.senses(place)[Kind.BEST] is True
    sentence.use(place, place + 1 + (sentence.text(place + 1) == "than"))
    if not reading.conditions:
        reading.conditions = (_GOOD_ONES,)
        topic.notes = (
            *topic.notes,
            Note(remark=Remark.READ_AS, words=(sentence.raw(place), f"{LABEL_FIELD} = {GOOD}")),
        )
    turned = any(condition.operator is Operator.NE or condition.value != GOOD for condition in reading.conditions)
    end = Statistic.MAX if best != turned else Statistic.MIN
    topic.fields, topic.statistics = (), (Statistic.SHARE, *([end] if topic.which else []))
    topic.named = None if topic.named is Intent.COMPARE else topic.named
    topic.whether = False


def _names_labels(sentence: Sentence, reading: Reading) -> bool:
    """Whether labels of named devices are all that is said: "defects of WLD001 today"."""
    topic, devices = reading.topic, reading.devices
    named = devices.codes or devices.references or devices.everyone
    labels = reading.conditions and all(each.field == LABEL_FIELD for each in reading.conditions)
    more = topic.fields or topic.statistics or topic.named or topic.whether or topic.holds or topic.since or topic.each
    chosen = reading.interval is not None and (reading.interval.which or reading.interval.of_state)
    more = more or chosen or reading.percentiles or reading.rows or reading.when or reading.judged
    selects = any(kind in lexeme.senses for lexeme in sentence.lexemes for kind in _SELECTING)
    return bool(named and labels) and not more and not selects and not (reading.narrows or topic.which or topic.follows)


def _percent(sentence: Sentence) -> bool:
    """Whether a number "in percent" is asked for, and mark the words."""
    for at in sentence.find(Kind.UNIT):
        if sentence.senses(at)[Kind.UNIT] == "%":
            sentence.use(at - sentence.has(at - 1, Kind.IN), at + 1)
            return True
    return False
