"""A cached value and what its life depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

# Seconds per named class: what changes rarely lives long, and user data has no class at all.
TTL_CLASSES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "catalogue": 3600.0,
        "template": 1800.0,
        "memory": 1800.0,
        "model_config": 24 * 3600.0,
        "field_mapping": 6 * 3600.0,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryInput:
    """What a caller wants stored, under a key of its own partition.

    `ttl` is in seconds, 0 for that of `ttl_class` or of the service. `negative` says "known not to
    exist": then `value` is empty.
    """

    key: str
    value: bytes = b""
    ttl: float = 0.0
    ttl_class: str = ""
    tags: tuple[str, ...] = ()
    negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stored value under its full key. A backend hands out the same object on every hit.

    `expire_at` is in seconds of the clock's monotonic(); `tags` are full (with their partition);
    `load_seconds` is what computing the value is thought to take, for early refresh.
    """

    key: str
    value: bytes
    expire_at: float
    tags: tuple[str, ...] = ()
    negative: bool = False
    load_seconds: float = 0.0


class Reading(NamedTuple):
    """What a backend answers to a read: the live entry or None, the generation to guard a fill with, and who answered.

    `tier` is ``l1`` (a copy in this process), ``memory`` or ``redis``.
    """

    entry: Entry | None
    generation: int
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a write counts: `only_if_absent`, and `generation`, None for unguarded."""

    only_if_absent: bool = False
    generation: int | None = None


ALWAYS: Final = Condition()
