"""Texts that we sign ourselves: JSON Web Tokens in RFC 7515's compact form, by HS256 and nothing else.

The library for everybody's tokens brings RSA and elliptic curves with it, 11 MB that only single sign-on needs.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

_ALGORITHM: Final = "HS256"
_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# What would change how the rest is read.
_UNKNOWN: Final = ("crit", "b64")


class SignedTextError(ValueError):
    """A text that is not one of ours, whatever is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedText:
    """A text in parts. What `header` says anybody may have written; what :meth:`claims` returns, only we."""

    header: Mapping[str, Any]
    _content: str
    _signature: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a text apart; raise SignedTextError when it has no such form, or is signed in another way."""
        if not _FORM.fullmatch(text):
            raise SignedTextError("not three parts of base64url")
        content, _, signature = text.rpartition(".")
        header = _decoded(content.partition(".")[0])
        if header.get("alg") != _ALGORITHM or any(name in header for name in _UNKNOWN):
            raise SignedTextError("signed in another way")
        return cls(header=header, _content=content, _signature=signature)

    def claims(self, secret: str, *, issuer: str, audience: str, required: Sequence[str]) -> Mapping[str, Any]:
        """Return what `secret` has signed: by `issuer`, for `audience`, with all that is `required`.

        Raises SignedTextError for anything else. Times are whole numbers; the caller compares them.
        """
        if not hmac.compare_digest(self._signature, _signature(self._content, secret)):
            raise SignedTextError("signed by somebody else")
        claims = _decoded(self._content.partition(".")[2])
        if claims.get("iss") != issuer or claims.get("aud") != audience:
            raise SignedTextError("not from us, or not for this")
        if any(claims.get(name) is None for name in required):
            raise SignedTextError("something is missing")
        if not all(isinstance(claims.get(name, ""), str) for name in ("sub", "jti")):
            raise SignedTextError("a name that is no text")
        if not all(type(claims.get(name, 0)) is int for name in ("exp", "iat")):
            raise SignedTextError("a time that is no whole number")
        return claims


def sign(claims: Mapping[str, Any], secret: str, *, header: Mapping[str, str]) -> str:
    """Return `claims`, signed with `secret`; `header` stands beside them for anybody to read."""
    content = f"{_encoded({'alg': _ALGORITHM, **header})}.{_encoded(claims)}"
    return f"{content}.{_signature(content, secret)}"


def _signature(content: str, secret: str) -> str:
    return _base64(hmac.digest(secret.encode(), content.encode(), hashlib.sha256))


def _encoded(values: Mapping[str, Any]) -> str:
    return _base64(json.dumps(values, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(part: str) -> dict[str, Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        raise SignedTextError("a part that is no JSON") from None
    if not isinstance(values, dict):
        raise SignedTextError("a part that is no JSON object")
    return values  # pyright: ignore[reportUnknownVariableType]
