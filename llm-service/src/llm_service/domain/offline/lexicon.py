"""The lexicon: a trie of tokens that finds the longest phrase at a position, with its senses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from llm_service.domain.offline.token import Token, TokenKind, tokenize


class Kind(StrEnum):
    """The kind of a sense. The comment says what its value is."""

    FILLER = "filler"  # nothing: it may be left out
    UNHEEDED = "unheeded"  # nothing: it is known to say something, and can't be heeded
    STATISTIC = "statistic"  # Statistic
    FIELD = "field"  # name of a usual field, or of a known one as it is spelled
    LABEL = "label"  # value of a label field, "" for any but the good one
    QUALITY_RATE = "quality_rate"  # the label whose share it is, "" for any but the good one
    BEST = "best"  # True for "best", False for "worst"
    NON_ZERO = "non_zero"
    NO_LABEL = "no_label"  # "unlabelled"
    INTENT = "intent"  # Intent
    DEVICE = "device"  # code of a known device
    DEVICE_WORD = "device_word"  # True for a plural
    FIELD_WORD = "field_word"  # "fields", "sensors"
    ALL = "all"
    EXCEPT = "except"
    WHICH = "which"
    ORDINAL = "ordinal"  # its number; -1 is the last
    HOW_MANY = "how_many"
    HOW_OFTEN = "how_often"
    HOW_LONG = "how_long"
    SHARE = "share"
    ASK_WHEN = "ask_when"
    WHERE = "where"
    OPERATOR = "operator"  # Operator before its value
    SUFFIX = "suffix"  # Operator after its value
    NOT = "not"
    AND = "and"
    OR = "or"
    BETWEEN = "between"
    UNIT = "unit"  # symbol of a unit of measure
    IN = "in"
    CORRELATION = "correlation"
    PERCENTILE = "percentile"  # the percentile, None when a number says it
    EVERY = "every"
    RHYTHM = "rhythm"  # "hourly": code of the unit of time
    CANNOT = "cannot"  # what is asked and can't be done
    INTEGRAL = "integral"
    AMOUNT = "amount"  # a field by the name of what it adds up to
    TIME_SHARE = "time_share"
    TIMES = "times"  # "how many times"
    STATE = "state"  # State: what "idle" says of a usual field
    BUSIER = "busier"
    VERDICT = "verdict"  # Verdict, of a value: "is 24 V normal"
    OCCASION = "occasion"  # True for the last time, False for the first
    SHIFT = "shift"  # "night shift": its hours are said beside it
    ASK_UNIT = "ask_unit"
    WHETHER = "whether"
    SINCE_WHEN = "since_when"
    GROUP = "group"  # "hall": what a label names
    NEXT = "next"  # "next", before a length of time
    BEFORE_LAST = "before_last"  # "before last", behind a unit of time
    SAME_TIME = "same_time"
    DECIMALS = "decimals"  # "decimal places" behind a number
    WHOLE = "whole"  # "to the nearest integer"
    SEVERAL = "several"  # the statistics that one word asks for: "how stable", "extremes"
    COMMON = "common"  # "most common", of the values of a text field
    FOLLOW = "follow"
    LONGER = "longer"  # of two durations
    MORE = "more"  # Comparative
    NUMBER = "number"  # float
    DIGIT = "digit"  # Chinese numeral: 0 to 9, 10, 100, 1000
    HALF_OF = "half_of"
    TIME_UNIT = "time_unit"  # code: s min h d w month y
    LAST = "last"
    AGO = "ago"
    BACK = "back"  # code of a unit of time: "the day before"
    WITHIN = "within"
    SINCE = "since"
    SINCE_AFTER = "since_after"
    UNTIL = "until"  # True: what is named belongs to it
    UNTIL_AFTER = "until_after"
    FROM = "from"
    TO = "to"
    AT = "at"
    NOW = "now"
    DAY = "day"  # NamedDay
    RELATIVE_PERIOD = "relative_period"  # RelativePeriod
    WEEKDAY = "weekday"  # Weekday
    MONTH = "month"
    QUARTER = "quarter"
    PART = "part"  # PartOfDay
    HALF = "half"  # "am" or "pm"
    CLOCK = "clock"  # minutes since midnight
    PAST = "past"  # minutes: "half past" 30, "quarter past" 15, "quarter to" -15
    OCLOCK = "oclock"
    ZONE = "zone"  # name of a zone, or "+08:00"
    ROWS = "rows"  # "readings", "rows"
    OTHERS = "others"
    NEWEST = "newest"  # True last, False first


Senses = Mapping[Kind, object]
NO_SENSES: Final[Senses] = {}


@dataclass(slots=True)
class _Node:
    children: "dict[str, _Node]" = field(default_factory=dict[str, "_Node"])
    senses: dict[Kind, object] = field(default_factory=dict[Kind, object])


class Lexicon:
    """Phrases and their senses; a phrase may have several, of different kinds."""

    def __init__(self) -> None:
        self._root = _Node()
        self._words: dict[str, Senses] = {}

    def add(self, kind: Kind, value: object, phrases: Iterable[str]) -> None:
        """Add `phrases` with this sense."""
        for phrase in phrases:
            node = self._root
            texts = [token.text for token in tokenize(phrase)]
            for text in texts:
                node = node.children.setdefault(text, _Node())
            node.senses.setdefault(kind, value)
            if len(texts) == 1 and texts[0].isascii():
                self._words[texts[0]] = node.senses

    @property
    def words(self) -> Mapping[str, Senses]:
        """The phrases of one English word, with their senses."""
        return self._words

    def phrases(self) -> Iterator[tuple[tuple[str, ...], Senses]]:
        """Yield every phrase, as its tokens, with its senses."""
        left: list[tuple[tuple[str, ...], _Node]] = [((), self._root)]
        while left:
            path, node = left.pop()
            if node.senses:
                yield path, node.senses
            left += [((*path, text), child) for text, child in node.children.items()]

    def longest(self, tokens: Sequence[Token], at: int) -> tuple[int, Senses]:
        """Return the end of the longest phrase at token `at` and its senses; (at, nothing) when there is none."""
        node: _Node | None = self._root
        best = (at, NO_SENSES)
        for end in range(at, len(tokens)):
            node = None if tokens[end].kind is TokenKind.QUOTED else node.children.get(tokens[end].text)
            if node is None:
                break
            if node.senses:
                best = (end + 1, node.senses)
        return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexeme:
    """The tokens of one phrase with their senses; an unknown word has none.

    `text` is the phrase in lower case, `raw` as written, both without the blanks that are none in Chinese; `digits`
    and `number` are those of a number, "" and None for anything else.
    """

    tokens: tuple[Token, ...]
    senses: Senses
    text: str
    raw: str
    digits: str = ""
    number: float | None = None


def _lexeme(tokens: tuple[Token, ...], senses: Senses) -> Lexeme:
    first = tokens[0]
    raw = "".join(("" if token.glued else " ") + token.raw for token in tokens).strip() if tokens[1:] else first.raw
    numeric = first.kind is TokenKind.NUMBER and not tokens[1:]
    return Lexeme(
        tokens=tokens,
        senses=senses,
        text="".join(("" if token.glued else " ") + token.text for token in tokens).strip()
        if tokens[1:]
        else first.text,
        raw=raw,
        digits=first.text if numeric else "",
        number=float(first.text.replace(",", "")) if numeric else None,
    )


def lexemes_of(tokens: Sequence[Token], lexicon: Lexicon, known: Lexicon) -> list[Lexeme]:
    """Return `tokens` as lexemes, at each place the longest phrase; what is `known` wins over the lexicon's words."""
    found: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        end, senses = lexicon.longest(tokens, at)
        own_end, own = known.longest(tokens, at)
        if own_end >= end and own:
            end, senses = own_end, {**(senses if own_end == end else {}), **own}
        end = max(end, at + 1)
        found.append(_lexeme(tuple(tokens[at:end]), senses))
        at = end
    return found
