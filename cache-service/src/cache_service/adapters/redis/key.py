"""The names of keys in Redis.

Every key begins with one hash tag, so that a script may touch several of them on a cluster of one node too, and with
the version of the format: releases that write another one do not see each other's keys.
"""

from typing import Final

NAMESPACE: Final = "{penstock:cache:1}"


def counter_key(full: str) -> str:
    """Return the key of a counter by its full key."""
    return f"{NAMESPACE}c:{full}"


def rate_key(full: str) -> str:
    """Return the key of a rate limit's state."""
    return f"{NAMESPACE}r:{full}"


def lock_key(full: str) -> str:
    """Return the key of a lock."""
    return f"{NAMESPACE}k:{full}"


def lease_key(full: str) -> str:
    """Return the key of a lease."""
    return f"{NAMESPACE}l:{full}"


def session_key(full: str) -> str:
    """Return the key of a session."""
    return f"{NAMESPACE}s:{full}"


def ended_session_key(full: str) -> str:
    """Return the key that says that a session was ended."""
    return f"{NAMESPACE}xs:{full}"


FENCE: Final = f"{NAMESPACE}fence"
GENERATION: Final = f"{NAMESPACE}generation"
BEGINNING: Final = f"{NAMESPACE}beginning"
RUN: Final = f"{NAMESPACE}run"


def value_key(full: str) -> str:
    """Return the key of a cached value."""
    return f"{NAMESPACE}v:{full}"


def staging_key(token: str) -> str:
    """Return the key under which a large value arrives, before it is decided whether it counts."""
    return f"{NAMESPACE}n:{token}"


def tag_key(full_tag: str) -> str:
    """Return the key of the index of a tag: full keys by the time they end."""
    return f"{NAMESPACE}t:{full_tag}"


def segment_key(segment: str) -> str:
    """Return the key of the index of a first segment: full keys by the time they end."""
    return f"{NAMESPACE}g:{segment}"


def segments_key(tenant: str) -> str:
    """Return the key of the index of a tenant's segments, by the time the last of their keys ends."""
    return f"{NAMESPACE}p:{tenant}"


def invalidated_key(full: str) -> str:
    """Return the key that holds the generation at which a key was deleted last."""
    return f"{NAMESPACE}xk:{full}"


def invalidated_tag(full_tag: str) -> str:
    """Return the key that holds the generation at which a tag was invalidated last."""
    return f"{NAMESPACE}xt:{full_tag}"


def invalidated_prefixes(tenant: str) -> str:
    """Return the key of a tenant's invalidated prefixes by generation."""
    return f"{NAMESPACE}xp:{tenant}"
