"""Order: converting A to B is not converting B to A, and that A heats B is not that B heats A."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from penstock_kit.text import Kind, Reading, Token

_MARKED: Final = frozenset({Kind.NUMBER, Kind.CODE, Kind.UNIT, Kind.DATE})
# Links whose neighbours may be told the other way round.
_SYMMETRIC: Final = frozenset({"between", "versus", "vs", "with"})
_SYMMETRIC_WORDS: Final = frozenset({"difference", "区别", "compare", "compar", "比较"})
_SWAPPED: Final = 2


def order_differs(first: Reading, second: Reading) -> bool:
    """Return whether both name the same things in an order that means something else."""
    return _are_swapped(first, second) or _marks_differ(first, second) or _links_differ(first, second)


def _are_swapped(first: Reading, second: Reading) -> bool:
    """Whether two things changed places that something stands between."""
    here, there = _placed(first), _placed(second)
    if len(here) != len(there) or _is_symmetric(first):
        return False
    apart = [at for at, (one, other) in enumerate(zip(here, there, strict=True)) if one != other]
    if len(apart) != _SWAPPED or apart[1] - apart[0] == 1:
        return False
    left, right = apart
    return here[left] == there[right] and here[right] == there[left]


def _marks_differ(first: Reading, second: Reading) -> bool:
    """Whether numbers, codes, units or times come in another order."""
    here, there = _marks(first), _marks(second)
    return here != there and sorted(here) == sorted(there) and not (_is_symmetric(first) and _is_symmetric(second))


def _links_differ(first: Reading, second: Reading) -> bool:
    """Whether a link such as "to" leads to something else of what both name."""
    here, there = _linked(first), _linked(second)
    both = first.content & second.content
    return any(
        not (here[link] & there[link]) and here[link] & both and there[link] & both
        for link in here.keys() & there.keys() - _SYMMETRIC
    )


def _placed(reading: Reading) -> Sequence[str]:
    return [token.concept for token in reading.sequence if token.kind is not Kind.INTENT]


def _marks(reading: Reading) -> Sequence[str]:
    return [token.concept for token in reading.sequence if token.kind in _MARKED]


def _is_symmetric(reading: Reading) -> bool:
    linked = {token.concept for token in reading.tokens if token.kind is Kind.LINK}
    return bool(linked & (_SYMMETRIC - {"with"})) or bool(reading.content & _SYMMETRIC_WORDS)


def _linked(reading: Reading) -> Mapping[str, frozenset[str]]:
    """The things that stand right after each link."""
    found: dict[str, set[str]] = defaultdict(set)
    link = ""
    for token in (each for each in reading.sequence if each.kind is not Kind.INTENT):
        if token.kind is Kind.LINK:
            link = token.concept
        elif link:
            found[link].add(_thing(token))
            link = ""
    return {link: frozenset(things) for link, things in found.items()}


def _thing(token: Token) -> str:
    return token.concept
