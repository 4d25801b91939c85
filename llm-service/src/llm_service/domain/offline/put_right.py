"""What puts the question before right, without the words that say so: "no, I meant WLD002", "不对，我说的是WLD002"."""

import re
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind, tokenize
from llm_service.domain.offline.vocabulary import lexicon

_LONGEST: Final = 160
_MARKS: Final = r"[\s,，.。!！;；:：、…-]"
_DENIED: Final = (
    r"(?:(?:that|this|it)(?:'s| is| was) (?:wrong|not right|not it|not what i (?:meant|asked(?: for)?|said))"
    r"|(?:the )?wrong (?:machine|one|welder|device|day|time|field|value|number|hall)"
    r"|(?:oh |ah |hm |no )?no|nope|nah|sorry|oops|ups|wait|hold on|wrong|my bad|my mistake|typo|nein|pardon"
    r"|excuse me|apologies"
    r"|不对|不|错|错了|(?:我)?[说打写问弄搞选]错了|抱歉|不好意思|对不起|等等|等一下|等下|哦|噢)"
)
_MEANT: Final = (
    r"(?:actually )?(?:(?:i|we) (?:meant|mean|said|typed|wrote|(?:was|am) asking|asked)(?: to (?:say|ask|write))?"
    r"(?: for| about| of)?|it should be|should be|correction|ich meinte|ich meine)\b"
    r"|我(?:刚才|刚刚)?(?:想|要)?(?:说|问|指|讲|要|看|查)的(?:其实)?(?:应该)?是|我(?:的)?意思是|我是(?:说|问|指|想问|想说|要问)"
    r"|我指的是|应该是|应为"
)
_LEAD: Final = re.compile(
    rf"(?:{_DENIED} ?[,，.。!！;；:：、…-]{_MARKS}*)+(?:and |but )?(?:{_MEANT})?"
    rf"|(?:{_DENIED}{_MARKS}*)?(?:{_MEANT})|(?:不对|[说打写问弄搞选]?错了|抱歉|不好意思) "
)
_TRAIL: Final = re.compile(rf"{_MARKS}+(?:i (?:meant|mean)|is what i meant|my bad|sorry|meinte ich|才对){_MARKS}*$")
_SHARED: Final = re.compile(rf"^(?:{_MARKS}|是(?!否|不是))+")
_DENYING: Final = frozenset({"not", "不是"})
_QUIET: Final = (Kind.FILLER, Kind.FOLLOW, Kind.AND)
_STOPS: Final = frozenset({",", "，", ".", "。", "!", "！", ";", "；", "?", "？", "是", "it", "instead"})
# What one thing is put in the place of another of.
_NAMED: Final = (Kind.FIELD, Kind.STATISTIC, Kind.DAY, Kind.WEEKDAY)


def put_right(text: str) -> str:
    """Return what `text` says in the place of what was asked before; `text` itself where it puts nothing right.

    "No, WLD002", "that's wrong, I asked for WLD002", "WLD002 I mean" and "WLD002, not WLD001" become "WLD002".
    """
    plain = " ".join(text.split())
    if len(plain) > _LONGEST:
        return text
    lower = plain.lower()
    begin = found.end() if (found := _LEAD.match(lower)) else 0
    end = last.start() if (last := _TRAIL.search(lower, begin)) else len(plain)
    rest = plain[begin:end]
    rest = rest[shared.end() :] if begin and (shared := _SHARED.match(rest)) else rest
    kept = _without_denied(rest)
    if kept == plain or not kept.strip("?？!！.。,， "):
        return text
    return kept


def _without_denied(text: str) -> str:
    """The text without ", not WLD001" behind another one of the same kind."""
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), Lexicon()))
    at = next((place for place in range(1, len(sentence)) if sentence.text(place) in _DENYING), 0)
    if not at:
        return text
    kept, denied = _only(sentence, 0, at), _only(sentence, at + 1, len(sentence))
    return text[: sentence.lexemes[at].tokens[0].start].rstrip(" ,，;；") if kept and kept == denied else text


def _only(sentence: Sentence, begin: int, end: int) -> Kind | None:
    """The kind of the one thing that is named between, where no more is said."""
    kinds: set[Kind] = set()
    for at in range(begin, end):
        coded = sentence.lexemes[at].tokens[0].kind is TokenKind.WORD and any(map(str.isdecimal, sentence.text(at)))
        named = [Kind.DEVICE] if coded else [kind for kind in _NAMED if sentence.has(at, kind)]
        quiet = sentence.text(at) in _STOPS or any(sentence.has(at, kind) for kind in _QUIET)
        if not named and not quiet:
            return None
        kinds |= set(named[:1])
    return kinds.pop() if len(kinds) == 1 else None
