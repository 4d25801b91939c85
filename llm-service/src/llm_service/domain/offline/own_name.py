"""Whether a question that names no device may do so all the same, by a name that only the list of devices knows."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.token import TokenKind, tokenize
from llm_service.domain.offline.vocabulary import lexicon

# What is said of telemetry: of these words one has to be there.
_DATA: Final = (
    *(Kind.STATISTIC, Kind.FIELD, Kind.FIELD_WORD, Kind.INTENT, Kind.UNIT, Kind.OPERATOR, Kind.PERCENTILE),
    *(Kind.HOW_OFTEN, Kind.HOW_LONG, Kind.HOW_MANY, Kind.ASK_WHEN, Kind.SHARE, Kind.STATE, Kind.RHYTHM),
    *(Kind.DAY, Kind.RELATIVE_PERIOD, Kind.TIME_UNIT, Kind.MONTH, Kind.WEEKDAY),
)
_NAMES: Final = (TokenKind.WORD, TokenKind.QUOTED)


def may_name_device(question: str) -> bool:
    """Return whether `question` speaks of data and has a word that nobody knows, such as the name of a machine."""
    lexemes = lexemes_of(tokenize(question), lexicon(), Lexicon())
    speaks = any(kind in lexeme.senses for lexeme in lexemes for kind in _DATA)
    return speaks and any(not lexeme.senses and lexeme.tokens[0].kind in _NAMES for lexeme in lexemes)
