"""Names for users of issuers: what they are called there, by the rules of names here, and never somebody else's."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.auth.identity import ExternalIdentity
from gateway.auth.look_alikes import looks_of
from gateway.http.names import user_name

_LONGEST: Final = 100
_SPACE: Final = re.compile(r"\s+")
_FORBIDDEN: Final = re.compile(r"[:/]")
# Names with a number behind them that are tried before one that can't be taken.
_NUMBERED: Final = range(2, 10)


def free_names(identity: ExternalIdentity, taken: Iterable[str]) -> Iterator[str]:
    """Yield names for `identity` that look like none of those `taken`, the best first."""
    looks = frozenset(look for name in taken for look in looks_of(name))
    return (name for name in _names(identity) if looks.isdisjoint(looks_of(name)))


def _names(identity: ExternalIdentity) -> Iterator[str]:
    mark = hashlib.sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()[:12]
    for name in _fitting(identity.names):
        yield name
        yield from (f"{name}-{number}" for number in _NUMBERED)
        yield f"{name}-{mark}"
    yield f"user-{mark}"


def _fitting(names: Sequence[str]) -> Iterator[str]:
    """Yield those of `names` that a user may have here."""
    for name in names:
        written = _FORBIDDEN.sub("-", _SPACE.sub(".", name.strip()))[:_LONGEST]
        try:
            fitting = user_name(written)
        except ValueError:
            continue
        if fitting:
            yield fitting
