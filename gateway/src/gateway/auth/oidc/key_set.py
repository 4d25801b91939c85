"""The keys that the issuer signs with, and their rotation."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.auth.oidc.discovery import Discovery
from gateway.auth.oidc.issuer_http import IssuerHttp
from gateway.auth.oidc.recent_failure import RecentFailure
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError, Unauthenticated

if TYPE_CHECKING:
    from jwt import PyJWK

_FRESH_SECONDS: Final = 3600.0
# Between two looks for a key that is not there: a token may name any.
_REFETCH_SECONDS: Final = 10.0
_MOST_KEYS: Final = 100
_LEAST_RSA_BITS: Final = 2048
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", "")),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
# What an ID token may be signed with: all of it asymmetric.
ALGORITHMS: Final = tuple(_KINDS)


class KeySet:
    """The keys at the issuer's `jwks_uri`: read anew every hour, and for a key that is not among them."""

    def __init__(self, discovery: Discovery, http: IssuerHttp, clock: Clock) -> None:
        self._discovery = discovery
        self._http = http
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._read_at = float("-inf")
        self._failure = RecentFailure(clock)

    async def find(self, key_id: str | None, algorithm: str) -> "PyJWK":
        """Return the key of that id, or the only one that fits where a token names none.

        Raises Unauthenticated (ID_TOKEN_INVALID) when there is none, and what asking the issuer raises.
        """
        async with self._lock:
            age = self._clock.monotonic() - self._read_at
            if age >= _FRESH_SECONDS or (not _fitting(self._keys, key_id, algorithm) and age >= _REFETCH_SECONDS):
                await self._read()
            fitting = _fitting(self._keys, key_id, algorithm)
        if len(fitting) != 1:
            count = "several keys fit" if fitting else "the issuer has no such key"
            raise Unauthenticated(f"the ID token can't be checked: {count}", reason="ID_TOKEN_INVALID")
        return _parsed(fitting[0], algorithm)

    async def _read(self) -> None:
        self._failure.check()
        metadata = await self._discovery.metadata()
        try:
            body = await self._http.get(metadata.jwks_uri)
        except PenstockError as error:
            self._failure.note(error)
            raise
        found: Any = body.get("keys")
        listed = cast("list[Any]", found) if isinstance(found, list) else []
        self._keys = [cast("dict[str, Any]", key) for key in listed[:_MOST_KEYS] if isinstance(key, dict)]
        self._read_at = self._clock.monotonic()


def _fitting(keys: Sequence[Mapping[str, Any]], key_id: str | None, algorithm: str) -> Sequence[Mapping[str, Any]]:
    """Return the keys of a kind that signs by `algorithm`, of that id where one is given."""
    kind, curve = _KINDS[algorithm]
    return [
        key
        for key in keys
        if key.get("kty") == kind
        and (not curve or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid") == key_id)
    ]


def _parsed(key: Mapping[str, Any], algorithm: str) -> "PyJWK":
    import jwt

    try:
        parsed = jwt.PyJWK.from_dict(dict(key), algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Unauthenticated("the issuer's key can't be read", reason="ID_TOKEN_INVALID") from None
    if key.get("kty") == "RSA" and parsed.key.key_size < _LEAST_RSA_BITS:
        message = f"the issuer's RSA key has {parsed.key.key_size} bits; {_LEAST_RSA_BITS} are the least"
        raise Unauthenticated(message, reason="ID_TOKEN_INVALID")
    return parsed
