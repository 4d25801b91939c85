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


FENCE: Final = f"{NAMESPACE}fence"
