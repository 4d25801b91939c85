"""The request header ``x-penstock-cache``: how response caches may be used, for clients whose body is not theirs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.http.headers import Header
from penstock_kit.errors import InvalidArgument

_NAME: Final = b"x-penstock-cache"
_WORDS: Final = frozenset({"bypass", "exact", "semantic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheWish:
    """What the header asks for; a `threshold` of 0 is the operator's."""

    words: frozenset[str]
    threshold: float = 0.0


def cache_wish(headers: Iterable[Header]) -> CacheWish | None:
    """Return what ``x-penstock-cache`` asks for, such as ``semantic; threshold=0.95``; None without the header.

    Raises InvalidArgument (CACHE_HEADER_INVALID) for a word that is not known.
    """
    for name, value in headers:
        if name == _NAME:
            return _read(value.decode("latin-1"))
    return None


def apply_wish(policy: pb.CachePolicy, headers: Iterable[Header]) -> None:
    """Let the header say how caches are used where it is there; the body's words are replaced."""
    if (wish := cache_wish(headers)) is None:
        return
    policy.bypass = "bypass" in wish.words
    policy.own = False
    policy.exact = "exact" in wish.words and not policy.bypass
    policy.semantic = "semantic" in wish.words and not policy.bypass
    policy.threshold = wish.threshold


def _read(text: str) -> CacheWish:
    words: set[str] = set()
    threshold = 0.0
    for part in text.lower().replace(",", ";").split(";"):
        word, separator, value = (each.strip() for each in part.partition("="))
        if word == "threshold" and separator:
            threshold = _similarity(value)
        elif word in _WORDS and not separator:
            words.add(word)
        elif word:
            raise _invalid(f"{word!r} is not known")
    return CacheWish(words=frozenset(words), threshold=threshold)


def _similarity(value: str) -> float:
    try:
        similarity = float(value)
    except ValueError:
        raise _invalid(f"threshold={value!r} is no number") from None
    if not 0 <= similarity <= 1:
        raise _invalid(f"threshold={value} is not between 0 and 1")
    return similarity


def _invalid(what: str) -> InvalidArgument:
    message = f"x-penstock-cache: {what[:80]}; give bypass, exact, semantic, and threshold=0.95 by choice"
    return InvalidArgument(message, reason="CACHE_HEADER_INVALID")
