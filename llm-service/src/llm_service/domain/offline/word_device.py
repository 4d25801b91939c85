"""Devices called by a word of the grammar, "idle", "mean", "now", "三": that word names one where one is expected."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind, tokenize

_LEADS: Final = frozenset(
    {
        *(
            "of",
            "on",
            "for",
            "about",
            "with",
            "vs",
            "versus",
            "between",
            "compare",
            "than",
            "named",
            "called",
            "machine",
        ),
        *("on the", "of the", "for the", "device", "和", "与", "跟", "比", "对比", "比较", "设备", "机器", "关于"),
    }
)
_LINKS: Final = frozenset(
    {"and", "or", "&", ",", "、", "，", "vs", "versus", "with", "than", "和", "与", "跟", "或", "比", "还是"}
)
_ASKING: Final = frozenset({"is", "was", "how is", "how was", "how ' s", "what about", "how about"})
_DOING: Final = frozenset({"did", "does", "do", "has"})
_ASKED: Final = (" did", " does", " was", " is", " has")
_OWNING: Final = frozenset({"'s", "的"})
_ARTICLES: Final = frozenset({"the", "both", "device", "machine", "设备", "机器"})
# What a word of these kinds says stays said, unless a device is expected in its place.
_SAYING: Final = frozenset(
    {
        *(Kind.STATISTIC, Kind.STATE, Kind.NOW, Kind.DAY, Kind.NUMBER, Kind.DIGIT, Kind.LABEL, Kind.VERDICT, Kind.AND),
        *(
            Kind.OR,
            Kind.NOT,
            Kind.FIELD,
            Kind.UNIT,
            Kind.TIME_UNIT,
            Kind.LAST,
            Kind.NEWEST,
            Kind.ORDINAL,
            Kind.OPERATOR,
        ),
        *(Kind.INTENT, Kind.SHARE, Kind.PART, Kind.WEEKDAY, Kind.MONTH, Kind.HALF, Kind.RELATIVE_PERIOD, Kind.GROUP),
    }
)
_MEASURED: Final = frozenset({Kind.FIELD, Kind.STATISTIC, Kind.DAY, Kind.RELATIVE_PERIOD, Kind.LAST, Kind.PART})
# Behind these kinds of words "of the idle" is no name: "of the idle time".
_HEADED: Final = frozenset({Kind.STATISTIC, Kind.FIELD, Kind.HOW_LONG, Kind.DEVICE_WORD, Kind.ROWS})
_COUNTED: Final = frozenset(
    {Kind.TIME_UNIT, Kind.UNIT, Kind.DIGIT, Kind.NUMBER, Kind.DEVICE_WORD, Kind.ROWS, Kind.OCLOCK, Kind.TIMES}
)
_NUMBERING: Final = frozenset({Kind.NUMBER, Kind.DIGIT, Kind.LAST, Kind.NEWEST, Kind.ORDINAL})
_BEGINNING: Final = frozenset({Kind.STATE, Kind.NOW, Kind.DIGIT, Kind.LABEL, Kind.VERDICT})


def settle_word_devices(sentence: Sentence, known: Lexicon) -> None:
    """Leave each word that is a device's code and says something of its own one of the two senses."""
    _read_quoted(sentence, known)
    doubtful = [at for at in range(len(sentence)) if _is_doubtful(sentence, at)]
    sure = {at for at in sentence.find(Kind.DEVICE) if at not in doubtful}
    for at in doubtful:
        sure |= {at} if _is_expected(sentence, at) else set()
    for _ in range(2):
        sure |= {at for at in doubtful if _is_linked(sentence, at, sure)}
    sure |= {at for at in doubtful[:1] if not sure and _begins(sentence, at)}
    for at in doubtful:
        code, lexeme = sentence.senses(at)[Kind.DEVICE], sentence.lexemes[at]
        others = {kind: value for kind, value in lexeme.senses.items() if kind is not Kind.DEVICE}
        sentence.lexemes[at] = replace(lexeme, senses={Kind.DEVICE: code} if at in sure else others)


def may_be_device(sentence: Sentence) -> bool:
    """Return whether a word of the grammar, or one nobody knows, stands where another device is expected."""
    named = {at for at in range(len(sentence)) if _is_code(sentence, at)}
    for at in range(len(sentence)):
        quiet = at in named or not any(map(str.isalnum, sentence.text(at)))
        odd = not sentence.senses(at) or bool(_BEGINNING & sentence.senses(at).keys())
        quoted = sentence.lexemes[at].tokens[0].kind is TokenKind.QUOTED
        if not quiet and (quoted or (odd and _is_linked(sentence, at, named))):
            return True
    return False


def _read_quoted(sentence: Sentence, known: Lexicon) -> None:
    for at, lexeme in enumerate(sentence.lexemes):
        if lexeme.tokens[0].kind is not TokenKind.QUOTED:
            continue
        tokens = tokenize(lexeme.raw)
        end, senses = known.longest(tokens, 0)
        if tokens and end == len(tokens) and Kind.DEVICE in senses:
            sentence.lexemes[at] = replace(lexeme, senses={Kind.DEVICE: senses[Kind.DEVICE]})


def _is_doubtful(sentence: Sentence, at: int) -> bool:
    senses = sentence.senses(at)
    return Kind.DEVICE in senses and bool(_SAYING & senses.keys())


def _is_expected(sentence: Sentence, at: int) -> bool:
    """Whether a name is what stands there: "of idle", "is idle above 3", "idle's", "三的"."""
    after = sentence.lexeme_senses(at + 1).keys()
    if _counts(sentence, at):
        return False
    if sentence.text(at + 1) in _OWNING:
        # "空闲的时间" is a time.
        return not _HEADED & sentence.lexeme_senses(at + 2).keys() - {Kind.FIELD, Kind.STATISTIC}
    asking = sentence.text(at - 1)
    if asking in _DOING or (at == 1 and (asking in _ASKING or asking.endswith(_ASKED))):
        return True
    led = sentence.text(at - 1) in _LEADS or (sentence.text(at - 1) in _ARTICLES and sentence.text(at - 2) in _LEADS)
    return led and not _HEADED & after


def _counts(sentence: Sentence, at: int) -> bool:
    """Whether a number is one, "三小时", and what is last or first is so of what is counted behind it."""
    after = sentence.lexeme_senses(at + 1).keys()
    return bool(_NUMBERING & sentence.senses(at).keys()) and bool(_COUNTED & after)


def _is_linked(sentence: Sentence, at: int, sure: set[int]) -> bool:
    """Whether it stands beside a device as another one: "valve1-0 and free", "free vs valve1-0"."""
    if at - 1 in sure and Kind.STATE in sentence.senses(at):
        # "Was valve1-0 idle and free".
        return False
    beside = {place for place in (at - 2, at + 2) if place in sure}
    between = (sentence.text((at + place) // 2) in _LINKS for place in beside)
    after = sentence.lexeme_senses(at + 1).keys()
    return any(between) and not _HEADED & after and not _counts(sentence, at)


def _begins(sentence: Sentence, at: int) -> bool:
    """ "Idle max pressure", "三今天的平均压力": in front of what is asked of it."""
    beginning = at == 0 and bool(_BEGINNING & sentence.senses(at).keys())
    return beginning and bool(_MEASURED & sentence.lexeme_senses(1).keys())


def _is_code(sentence: Sentence, at: int) -> bool:
    """Whether a word nobody knows looks like the code of a device."""
    lexeme = sentence.lexemes[at]
    digits = any(map(str.isdecimal, lexeme.text))
    return not lexeme.senses and lexeme.tokens[0].kind is TokenKind.WORD and digits


def names_word_device(question: str, words: Lexicon) -> bool:
    """Return whether a word of `question` stands where a device that is not known yet is expected."""
    return may_be_device(Sentence(lexemes_of(tokenize(question), words, Lexicon())))
