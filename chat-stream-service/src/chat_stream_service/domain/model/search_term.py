"""Search terms of a text: what full-text search compares, the same for every database."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final

from chat_stream_service.domain.model.conversation import Owner

_WORD: Final = re.compile(r"[^\W_]+")
# Chinese, Japanese and Korean are written without blanks: there a pair of characters stands for a word.
_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_STOP_LINES: Final = (
    "a about again all also am an and any are as at be been being but by can could did do does doing done for from",
    "get give got had has have he her here hi hello his how i if in into is it its just let like me more most my no",
    "not now of on one only or our out over please s say she should show so some such t tell than thank thanks that",
    "the their them then there these they this those to too up us very was we were what when where which who why",
    "will with would you your 什么 怎么 多少 请问 是多 的是",
)
_STOP: Final = frozenset(word for line in _STOP_LINES for word in line.split())
_PLURAL: Final = 4
_PAIRED_WORDS: Final = 5
# A term that is not ASCII, as hexadecimal digits; see _ascii.
_ENCODED: Final = re.compile(r"x(?:[0-9a-f]{2}){2,}")


def search_terms(text: str, *, most: int) -> tuple[str, ...]:
    """Return the distinct terms of a text in their order, at most `most`; words that say nothing are left out."""
    return tuple(dict.fromkeys(_some(_terms(text.casefold()), most)))


def owner_term(owner: Owner) -> str:
    """Return a term that stands for an owner, so that a search looks at no other's texts."""
    digest = hashlib.blake2b(f"{owner.tenant_id}\0{owner.user_id}".encode(), digest_size=8).hexdigest()
    return f"owner{digest}"


def combinations_that_fit(question: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """Return the sets of a question's terms of which a text must have one to be about the same: a term with a digit (a
    device's code, a number), or two others, or the only term there is."""
    if len(question) == 1:
        return [(question[0],)]
    coded = [term for term in question if _is_coded(term)]
    words = [term for term in question if not _is_coded(term)]
    # Long words tell more than short ones; each more pair costs the search.
    words = sorted(sorted(words, key=len, reverse=True)[:_PAIRED_WORDS], key=words.index)
    return [*((term,) for term in coded), *combinations(words, 2)]


def closeness(question: Iterable[str]) -> Callable[[str], int]:
    """Return a function that tells how many of a question's distinct terms are among those of a text, which blanks
    divide; one with a digit counts twice."""
    weights = [(f" {term} ", 2 if _is_coded(term) else 1) for term in question]

    def of_text(terms: str) -> int:
        # Searching the text costs a tenth of dividing it, and there may be many long ones.
        bounded = f" {terms} "
        return sum([weight for term, weight in weights if term in bounded])

    return of_text


def _is_coded(term: str) -> bool:
    return term.isascii() and any(character.isdigit() for character in term) and not _ENCODED.fullmatch(term)


def _some(terms: Iterator[str], most: int) -> Iterator[str]:
    seen: set[str] = set()
    for term in terms:
        seen.add(term)
        if len(seen) > most:
            return
        yield term


def _terms(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        for part in re.split(f"({_UNSPACED.pattern})", word):
            if _UNSPACED.fullmatch(part):
                yield from (_ascii(pair) for pair in _pairs(part) if pair not in _STOP)
            elif part and part not in _STOP and (len(part) > 1 or part.isdigit()):
                yield _ascii(_singular(part))


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    yield from (first + second for first, second in pairwise(run))


def _singular(word: str) -> str:
    plural = len(word) >= _PLURAL and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def _ascii(term: str) -> str:
    """Return a term in ASCII: databases differ in what else they take for a letter."""
    return term if term.isascii() else f"x{term.encode().hex()}"
