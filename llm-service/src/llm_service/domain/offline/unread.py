"""The words of a question that no rule understood, so that the answer can name them."""

import unicodedata
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind, is_code
from llm_service.domain.offline.weight import says_something
from llm_service.domain.offline.words_data import LABEL_FIELD
from llm_service.domain.offline.words_question import ALWAYS
from llm_service.domain.offline.words_shop import UNBROKEN

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_EMPTY: Final = frozenset(
    {
        *(Kind.FILLER, Kind.AND, Kind.AT, Kind.TO, Kind.FROM, Kind.IN, Kind.FOLLOW, Kind.WHICH, Kind.DEVICE_WORD),
        *(Kind.ROWS, Kind.ALL, Kind.FIELD_WORD, Kind.NOW, Kind.WITHIN, Kind.BETWEEN, Kind.HOW_MANY),
    }
)
# Before these nothing may be dropped: what follows them limits what is asked.
_LIMITS: Final = frozenset(
    {"where", "when", "while", "whenever", "if", "for which", "in which", "during which", "whose"}
)
_LIMITS_CHINESE: Final = frozenset({"当", "其中", "如果", "且满足", "满足", "只看", "只算", "条件是", "条件为"})
# Empty words that say something after "while" or "when": "while it is going", "when a weld is on".
_TELLING: Final = frozenset({"weld", "welds", "going"})
# What says nothing beside the word for a quality or a machine: "good welding", "焊接良好".
_BESIDE: Final = frozenset(
    {"welding", "part", "parts", "piece", "pieces", "seam", "seams", "焊接", "工件", "件", "焊道"}
)
# What asks for the counts of a text field's values, which is how those are answered; of numbers it says something.
_OF_TEXTS: Final = frozenset(
    {
        *("distribution", "distributed", "histogram", "quartiles", "common", "commonest", "frequent"),
        *("分布", "分布情况", "直方图", "分布图"),
    }
)
# A mark beside a figure ("±5", "5 €") says something, a full stop does not.
# Words for how an extreme came about.
_REACHING: Final = frozenset(
    {
        *(
            "reach",
            "reaches",
            "reached",
            "hit",
            "hits",
            "drop",
            "drops",
            "dropped",
            "fall",
            "fell",
            "falls",
            "go",
            "peaked",
        ),
        *(
            "rise",
            "rose",
            "rises",
            "climb",
            "climbed",
            "went",
            "go down",
            "go up",
            "went up",
            "went down",
            "达到",
            "到过",
        ),
    }
)
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
# What is made or done time and again; readings don't tell one from the next.
_COUNTED: Final = frozenset({"weld", "welds", "run", "焊缝", "焊点", "焊"})
# "How many metres of wire did it weld" is what it used.
_CONSUMING: Final = frozenset({"feed", "feeds", "fed", "weld", "welded", "welds", "焊了", "焊", "焊掉", "焊掉了"})
_CONSUMED: Final = frozenset({"wire_feed"})
# How quickly a course goes, or wire is fed: both are told.
_SPEEDS: Final = frozenset({"快", "慢"})
_FEED_SPEEDS: Final = _SPEEDS | {"fast", "slow"}
# "降到 40 度以下": where it went is the condition.
_GONE: Final = frozenset({"降", "升", "跌", "涨", "掉"})
# "温度是多少度".
_DEGREES: Final = frozenset({"度", "摄氏度", "degrees"})
# What stretches are anyway.
_UNBROKEN: Final = frozenset(
    {
        "uninterrupted",
        "continuous",
        "unbroken",
        "continuously",
        "in a row",
        "without a break",
        "连续",
        "持续",
        "不间断",
        "不停",
    }
)
_TIMED: Final = frozenset({Statistic.EVENTS, Statistic.DURATION})
# Words that turn round what they are said of, besides those for "not" and "except".
_TURNING: Final = frozenset(
    {
        *("but", "hardly", "barely", "scarcely", "rarely", "seldom", "failed", "fail", "fails", "opposite", "outside"),
        *("contrary", "cannot", "can't", "couldn't", "won't", "wouldn't", "ain't", "非", "反", "外", "之外", "以外"),
    }
)
_COUNTING: Final = frozenset({"多少", "是多少", "几", "几个", "多少个"})
_SAYING: Final = frozenset({"Sm", "Sc"})
_NEIGHBOURS: Final = (Kind.LABEL, Kind.DEVICE_WORD, Kind.DEVICE)
_CLOSERS: Final = frozenset({",", ".", "?", "!", ";", "？", "。", "，", "！"})
# Characters that stand between words and belong to none.
_PARTICLES: Final = frozenset(
    "的了是在和与及或吗呢啊吧呀么哦嗯请我你您给帮把将用以对从至于到有没会能想要看查求算说都就还也又再"
)
_TIMES: Final = frozenset(
    {Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.PART, Kind.CLOCK, Kind.PAST, Kind.OCLOCK, Kind.HALF, Kind.AT}
)
_MOST: Final = 5
_LONGEST: Final = 80


def unread_phrases(sentence: Sentence, reading: "Reading") -> tuple[str, ...]:
    """Return the phrases that were not understood, at most five and how many more there are."""
    phrases = _unread_places(sentence, reading)
    spelled = (_spelled(sentence, _whole_word(sentence, phrase)) for phrase in phrases)
    named = list(dict.fromkeys(spelled))
    return tuple(named if len(named) <= _MOST else [*named[:_MOST], f"… (+{len(named) - _MOST})"])


def unread_negation(sentence: Sentence, reading: "Reading") -> str:
    """Return the first phrase that was not understood and turns round what is asked, "" where none does."""
    for phrase in _unread_places(sentence, reading):
        if any(_turns(sentence, at) for at in phrase):
            return _spelled(sentence, _whole_word(sentence, phrase))
    return ""


def _turns(sentence: Sentence, at: int) -> bool:
    senses = sentence.senses(at)
    return Kind.NOT in senses or Kind.EXCEPT in senses or sentence.text(at) in _TURNING


def _unread_places(sentence: Sentence, reading: "Reading") -> list[list[int]]:
    phrases: list[list[int]] = []
    open_limit = False
    for at in range(len(sentence)):
        text = sentence.text(at)
        if at in sentence.used or text in _CLOSERS:
            open_limit = False
            continue
        weighs = says_something(sentence, at, reading)
        if (text in _LIMITS or text in _LIMITS_CHINESE) and not weighs:
            open_limit = not _leads_to_label(sentence, at)
            continue
        if weighs or not _empty(sentence, at, reading, after_limit=open_limit):
            if phrases and phrases[-1][-1] == at - 1:
                phrases[-1].append(at)
            else:
                phrases.append([at])
    return phrases


def _leads_to_label(sentence: Sentence, at: int) -> bool:
    """ "when the weld is porous": what follows was read as a condition."""
    for place in range(at + 1, min(at + 5, len(sentence))):
        if place in sentence.used:
            return Kind.LABEL in sentence.lexemes[place].senses
    return False


def _empty(sentence: Sentence, at: int, reading: "Reading", *, after_limit: bool) -> bool:
    senses, text = sentence.senses(at), sentence.text(at)
    if text in _BESIDE | _OF_TEXTS:
        return _beside(sentence, at) if text in _BESIDE else LABEL_FIELD in reading.topic.fields or reading.topic.spread
    if Kind.OR in senses:
        return not reading.conditions or _of_devices_or_times(sentence, at)
    if _limits(sentence, at) or (after_limit and text in _TELLING):
        return False
    if sentence.lexemes[at].tokens[0].kind is TokenKind.SIGN and not senses:
        return unicodedata.category(sentence.raw(at)[0]) not in _SAYING
    if (
        _says_no_more(text, reading)
        or _in_unit_of_time(sentence, at, reading)
        or (Kind.WHERE in senses and text not in _LIMITS)
    ):
        return True
    return not _EMPTY.isdisjoint(senses.keys())


def _of_devices_or_times(sentence: Sentence, at: int) -> bool:
    """Whether "or" stands between two devices, or two times: each is answered for."""
    around = (at - 1, sentence.skip(at + 1, (Kind.FILLER, Kind.AT)))
    if not all(each in sentence.used for each in around):
        return False
    senses = [sentence.lexeme_senses(each) for each in around]
    devices = all(Kind.DEVICE in s or is_code(sentence.text(e)) for s, e in zip(senses, around, strict=True))
    return devices or any(not _TIMES.isdisjoint(each) for each in senses)


def _in_unit_of_time(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether the word is the unit a duration shall be told in, "in minutes", or asks for it once more."""
    if Statistic.DURATION not in reading.topic.statistics or sentence.number(at - 1) is not None:
        return False
    counted = sentence.has(at - 1, Kind.IN) or sentence.text(at - 1) in _COUNTING
    again = Kind.HOW_LONG in sentence.senses(at) and not sentence.has(at, Kind.STATE)
    ended = all(sentence.text(place) in _CLOSERS for place in range(at + 1, len(sentence)))
    again = again or (sentence.text(at) == "last" and ended)
    return again or (Kind.TIME_UNIT in sentence.senses(at) and counted)


def _says_no_more(text: str, reading: "Reading") -> bool:
    """Whether the word says nothing beside what is asked: how an extreme came about, that wire was welded."""
    topic = reading.topic
    if text in ALWAYS:
        # "Has it been stable all along".
        return (topic.named is Intent.TREND and topic.varies) or Statistic.STD in topic.statistics
    if text in _UNBROKEN or text in UNBROKEN:
        return bool(_TIMED.intersection(topic.statistics)) or reading.when or topic.since
    if text in _FEED_SPEEDS:
        course = topic.named is Intent.TREND and bool(topic.fields) and text in _SPEEDS
        return course or "wire_feed" in topic.fields
    if text in _GONE:
        # "最低降到多少", "降到 40 度以下".
        return bool(reading.conditions) or not _ENDS.isdisjoint(topic.statistics)
    if text in _DEGREES:
        return "temperature" in topic.fields
    named = topic.fields or ("wire_feed",) * (reading.unit == "m")
    consumed = text in _CONSUMING and not _CONSUMED.isdisjoint(named)
    return consumed or (text in _REACHING and (reading.when or not _ENDS.isdisjoint(topic.statistics)))


def _limits(sentence: Sentence, at: int) -> bool:
    """Whether a word that says nothing elsewhere limits what is asked."""
    senses = sentence.senses(at)
    between = Kind.BETWEEN in senses and Kind.FILLER in senses
    return _of_each(sentence, at) or (between and not _before_known(sentence, at))


def _of_each(sentence: Sentence, at: int) -> bool:
    """Whether the word asks for a number of each weld: "each weld", "per weld"."""
    place = at if Kind.EVERY in sentence.senses(at) else at - 1
    counted = Kind.EVERY in sentence.senses(place) and sentence.text(place + 1) in _COUNTED
    return counted and at <= place + 1


def _before_known(sentence: Sentence, at: int) -> bool:
    """Whether what follows was understood: "between welds" limits what is asked, between two devices does not."""
    if sentence.text(at + 1) in _COUNTED:
        return False
    return sentence.skip(at + 1, (Kind.FILLER, Kind.DEVICE_WORD, Kind.WITHIN)) in sentence.used


def _beside(sentence: Sentence, at: int) -> bool:
    """Whether the word stands beside that for a quality or a machine."""
    around = (near for near in (at - 1, at + 1, at - 2) if 0 <= near < len(sentence))
    return any(kind in sentence.lexemes[near].senses for near in around for kind in _NEIGHBOURS)


def _whole_word(sentence: Sentence, places: list[int]) -> list[int]:
    """The places with the Chinese characters around them that make one word of an unknown one: "批" of "批次"."""
    begin, end = places[0], places[-1]
    before = begin - 1 if _is_unknown(sentence, begin) and _may_belong(sentence, begin - 1) else begin
    behind = end + 1 if _is_unknown(sentence, end) and _may_belong(sentence, end + 1) else end
    return [*range(before, behind + 1)]


def _is_unknown(sentence: Sentence, at: int) -> bool:
    return not sentence.lexeme_senses(at) and sentence.lexemes[at].tokens[0].kind is TokenKind.HAN


def _may_belong(sentence: Sentence, at: int) -> bool:
    """Whether a single character that says nothing by itself may be part of a word."""
    lone = (
        0 <= at < len(sentence) and sentence.lexemes[at].tokens[0].kind is TokenKind.HAN and len(sentence.text(at)) == 1
    )
    return (
        lone and at not in sentence.used and Kind.FILLER in sentence.senses(at) and sentence.text(at) not in _PARTICLES
    )


def _spelled(sentence: Sentence, places: list[int]) -> str:
    first = sentence.lexemes[places[0]]
    tokens = [token for at in range(places[0], places[-1] + 1) for token in sentence.lexemes[at].tokens]
    text = "".join(("" if token.glued or token is first.tokens[0] else " ") + token.raw for token in tokens)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
