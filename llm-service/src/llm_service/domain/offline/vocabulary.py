"""The lexicon of the rules, and what of the words matters in other places."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from llm_service.domain.offline.another_asked import add_another_words
from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.mean_time import add_mean_time_words
from llm_service.domain.offline.odd_asked import add_odd_words
from llm_service.domain.offline.query import Language
from llm_service.domain.offline.recently_asked import add_recent_words
from llm_service.domain.offline.token import is_han
from llm_service.domain.offline.words_data import FIELDS, add_data_words
from llm_service.domain.offline.words_events import add_event_words
from llm_service.domain.offline.words_number import add_number_words
from llm_service.domain.offline.words_question import add_asking_words
from llm_service.domain.offline.words_shop import add_shop_words
from llm_service.domain.offline.words_state import add_state_words
from llm_service.domain.offline.words_talk import add_talk_words
from llm_service.domain.offline.words_time import add_time_words
from llm_service.domain.offline.words_zone import add_zone_words

_MOST_KNOWN: Final = 5_000
_LONGEST_NAME: Final = 128


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the lexicon, built at its first use."""
    words = Lexicon()
    add_number_words(words)
    add_time_words(words)
    add_zone_words(words)
    add_data_words(words)
    add_talk_words(words)
    add_event_words(words)
    add_state_words(words)
    add_mean_time_words(words)
    add_asking_words(words)
    add_another_words(words)
    add_recent_words(words)
    add_shop_words(words)
    add_odd_words(words)
    return words


def known_names(devices: Sequence[str], names: Mapping[str, str], fields: Sequence[str]) -> Lexicon:
    """Return the names of devices (by their codes and names) and fields that the asker has.

    A field whose name is an everyday word ("level") or number ("1") still is one; a device's is not.
    """
    known = Lexicon()
    for code in devices[:_MOST_KNOWN]:
        known.add(Kind.DEVICE, code, (code[:_LONGEST_NAME],))
    for name, code in [*names.items()][:_MOST_KNOWN]:
        if not name.isdecimal() and Kind.FILLER not in lexicon().words.get(name.lower(), {}):
            known.add(Kind.DEVICE, code, (name[:_LONGEST_NAME],))
    for field in fields[:_MOST_KNOWN]:
        spellings = {field, field.replace("_", " "), field.replace("_", "-")}
        known.add(Kind.FIELD, field, (each[:_LONGEST_NAME] for each in spellings if not each.isdecimal()))
    return known


@lru_cache(maxsize=1)
def _usual_names() -> dict[str, str]:
    return {phrase: name for name, phrases in FIELDS.items() for phrase in phrases.split("|")}


def usual_field_of(text: str) -> str | None:
    """Return the usual field that `text` names as a whole, or None."""
    return _usual_names().get(" ".join(text.lower().split()))


def language_of(text: str) -> Language:
    """Return the language a prompt is written in: Chinese as soon as it holds a Chinese character."""
    return Language.CHINESE if any(map(is_han, text)) else Language.ENGLISH
