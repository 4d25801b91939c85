"""ID tokens: what has to be true of one before anybody is believed to be who it says (OpenID Connect Core, 3.1.3.7)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from gateway.auth.oidc.key_set import ALGORITHMS, KeySet
from penstock_kit.clock import Clock
from penstock_kit.errors import Unauthenticated

_LONGEST: Final = 256 * 1024
# How far the issuer's clock may be from ours.
_LEEWAY_SECONDS: Final = 60.0
_LONGEST_SUBJECT: Final = 255
# What no database keeps: the character of no code, and halves of letters.
_UNKEPT: Final = re.compile(r"[\0\ud800-\udfff]")
# No time of a token is so many seconds after 1970; an integer in JSON may be larger than any float.
_LATEST: Final = 1e12
_REQUIRED: Final = ["iss", "sub", "aud", "exp", "iat"]
_UNCHECKED: Final = ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti")
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class IdTokens:
    """Verifies the ID tokens of one issuer for one client.

    Every refusal is Unauthenticated (ID_TOKEN_INVALID) and says what was wrong.
    """

    def __init__(self, *, issuer: str, client_id: str, keys: KeySet, clock: Clock) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str, *, nonce: str, access_token: str) -> Mapping[str, Any]:
        """Return the claims of `token`, which has to carry `nonce` and, if it names one, to fit the access token."""
        import jwt

        if len(token) > _LONGEST:
            raise _invalid(f"has {len(token):,} characters")
        try:
            header = jwt.get_unverified_header(token)
            algorithm, key_id = header.get("alg"), header.get("kid")
            if algorithm not in ALGORITHMS:
                raise _invalid(f"is signed by {str(algorithm)[:20]!r}, and not by one of {', '.join(ALGORITHMS)}")
            if "crit" in header:
                raise _invalid("asks for extensions that nobody here knows")
            key = await self._keys.find(key_id, algorithm)
            options: Any = {"require": _REQUIRED, **dict.fromkeys(_UNCHECKED, False)}
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=options)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _invalid(f"can't be read: {error}") from None
        self._check(claims, nonce)
        _check_access_token(claims, algorithm, access_token)
        return claims

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        if claims["iss"] != self._issuer:
            raise _invalid("is another issuer's")
        self._check_audience(claims)
        self._check_times(claims)
        if not _is_same(claims.get("nonce", ""), nonce.encode()):
            raise _invalid("has another nonce than was asked for")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or _UNKEPT.search(subject):
            raise _invalid(f"must have a subject of 1 to {_LONGEST_SUBJECT} characters")

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        named: Any = claims["aud"]
        audience = cast("list[Any]", named) if isinstance(named, list) else [named]
        if self._client_id not in audience:
            raise _invalid("is for another client")
        party = claims.get("azp")
        if party != self._client_id and (party is not None or len(audience) > 1):
            raise _invalid("was given to another client (azp)")

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        if _time(claims, "exp") + _LEEWAY_SECONDS <= now:
            raise _invalid("has expired")
        if _time(claims, "iat") - _LEEWAY_SECONDS > now:
            raise _invalid("is from the future (iat); set the clocks right")
        if "nbf" in claims and _time(claims, "nbf") - _LEEWAY_SECONDS > now:
            raise _invalid("does not count yet (nbf); set the clocks right")


def _check_access_token(claims: Mapping[str, Any], algorithm: str, access_token: str) -> None:
    """Raise Unauthenticated when `at_hash` is there and not that of the access token."""
    if "at_hash" not in claims:
        return
    make = _HASHES.get(algorithm[-3:], hashlib.sha512)
    whole = make(access_token.encode()).digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=")
    if not _is_same(claims["at_hash"], half):
        raise _invalid("does not belong to the access token (at_hash)")


def _is_same(claim: Any, wanted: bytes) -> bool:
    """Whether a claim is the text that was wanted; JSON can write halves of letters, which are no text."""
    return hmac.compare_digest(str(claim).encode(errors="surrogatepass"), wanted)


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise _invalid(f"has no time for {name}")
    return float(value)


def _invalid(what: str) -> Unauthenticated:
    return Unauthenticated(f"the issuer's ID token {what}", reason="ID_TOKEN_INVALID")
