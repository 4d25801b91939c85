"""Random secrets and their digests.

Keys and tokens carry 256 random bits, so a plain SHA-256 is all their storage needs; passwords
do not, and go through argon2id (:mod:`gateway.auth.password`).
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

KEY_MARK: Final = "psk_"
_PREFIX_BYTES: Final = 6
_SECRET_BYTES: Final = 32
# Digits of a digest in hex: 52 bits, which every reader of JSON keeps exact.
_VERSION_DIGITS: Final = 13
_PREFIX_LENGTH: Final = len(KEY_MARK) + 2 * _PREFIX_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A fresh API key: `text` is shown once, `prefix` and `digest` are stored."""

    text: str
    prefix: str
    digest: str


def new_key(prefix: str = "") -> NewKey:
    """Return a new API key ``psk_<12 hex>_<43 characters>``, under a known `prefix` when it replaces another."""
    prefix = prefix or KEY_MARK + secrets.token_hex(_PREFIX_BYTES)
    return key_from_text(f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def key_from_text(text: str) -> NewKey:
    """Return the stored form of a whole key."""
    return NewKey(text=text, prefix=key_prefix(text), digest=digest(text))


def key_prefix(text: str) -> str:
    """Return the part of a key by which it is looked up."""
    return text[:_PREFIX_LENGTH]


def new_token(mark: str) -> str:
    """Return an opaque token such as ``prt_…`` with 256 random bits."""
    return f"{mark}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest(text: str) -> str:
    """Return the SHA-256 of `text` in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def version(text_digest: str) -> int:
    """Return a number that tells the secrets of a key apart; of 256 random bits it gives nothing away."""
    return int(text_digest[:_VERSION_DIGITS] or "0", 16)


def matches(text_digest: str, stored: str) -> bool:
    """Compare two digests in constant time; an empty stored one matches nothing."""
    return bool(stored) and hmac.compare_digest(text_digest, stored)
