"""From the headers of a request to the caller behind it."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from gateway.auth.identity import ApiKey
from gateway.auth.secret import KEY_MARK, digest, key_prefix, matches
from gateway.auth.store import IdentityStore
from gateway.auth.token import AccessTokens, rejected
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import Unauthenticated

Headers = Iterable[tuple[bytes, bytes]]

_REMEMBERED: Final = 10_000
_MAX_CREDENTIAL: Final = 8192


class Authenticator:
    """Recognises ``Authorization: Bearer`` (JWT or API key) and ``x-api-key``.

    What was recognised is remembered in this process for `remember` seconds, so that a busy caller does not
    cost a query per request; a revoked key may live that much longer on other replicas.
    """

    def __init__(self, *, store: IdentityStore, tokens: AccessTokens, clock: Clock, remember: float = 15.0) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._remember = remember
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def caller(self, headers: Headers) -> Caller:
        """Return who sent `headers`; raise Unauthenticated (CREDENTIALS_MISSING or CREDENTIALS_INVALID)."""
        credentials = _credentials(headers)
        if not credentials:
            message = "send 'Authorization: Bearer <API key or access token>' or 'x-api-key: <API key>'"
            raise Unauthenticated(message, reason="CREDENTIALS_MISSING")
        for credential in credentials[:-1]:
            try:
                return await self.recognise(credential)
            except Unauthenticated:
                continue
        return await self.recognise(credentials[-1])

    async def recognise(self, credential: str) -> Caller:
        """Return whom one API key or access token stands for; raise Unauthenticated."""
        fingerprint = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(fingerprint)
        now = self._clock.monotonic()
        if known is not None and now < known[0]:
            return known[1]
        self._known.pop(fingerprint, None)
        caller, expire_time = await self._verified(credential)
        until = now + self._remember
        if expire_time is not None:
            until = min(until, now + (expire_time - self._clock.now()).total_seconds())
        self._keep(fingerprint, until, caller)
        return caller

    def forget(self) -> None:
        """Look everybody up again: a key or user was changed or deleted here."""
        self._known.clear()

    def _keep(self, fingerprint: bytes, until: float, caller: Caller) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[fingerprint] = (until, caller)

    async def _verified(self, credential: str) -> tuple[Caller, datetime | None]:
        if credential.startswith(KEY_MARK):
            return await self._by_key(credential)
        return await self._by_token(credential)

    async def _by_key(self, text: str) -> tuple[Caller, datetime | None]:
        now = self._clock.now()
        key = await self._store.key_by_prefix(key_prefix(text))
        expire_time = None if key is None else _accepted_until(key, digest(text), now)
        if key is None or expire_time == now:
            raise rejected()
        user = await self._store.user(key.user_id)
        if user is None or not user.active:
            raise rejected()
        # A key never carries more than its owner has now.
        scopes = key.scopes if "admin" in user.scopes else key.scopes & user.scopes
        return Caller(user_id=user.id, tenant_id=key.tenant_id, key_id=key.id, scopes=scopes), expire_time

    async def _by_token(self, text: str) -> tuple[Caller, datetime | None]:
        access = self._tokens.verify(text)
        user = await self._store.user(access.caller.user_id)
        if user is None or not user.active or user.tenant_id != access.caller.tenant_id:
            raise rejected()
        return access.caller, access.expire_time


def _accepted_until(key: ApiKey, text_digest: str, now: datetime) -> datetime | None:
    """Return when the key stops counting: None for never, `now` for not at all."""
    if key.expired(now):
        return now
    if matches(text_digest, key.digest):
        return key.expire_time
    if not matches(text_digest, key.previous_digest) or key.previous_expire_time is None:
        return now
    ends = [end for end in (key.previous_expire_time, key.expire_time) if end is not None]
    return max(now, min(ends))


def _credentials(headers: Headers) -> list[str]:
    """Return what was sent, the Authorization header first: Anthropic clients may send both."""
    bearer, plain = "", ""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.decode("latin-1").partition(" ")
            bearer = rest.strip() if scheme.lower() == "bearer" else bearer
        elif name == b"x-api-key":
            plain = value.decode("latin-1").strip()
    return [text for text in (bearer, plain) if text and len(text) <= _MAX_CREDENTIAL]
