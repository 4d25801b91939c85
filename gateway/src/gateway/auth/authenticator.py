"""From the headers of a request to the caller behind it."""

import asyncio
import hashlib
from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.auth.identity import ApiKey
from gateway.auth.revalidation import revalidate
from gateway.auth.scope import within
from gateway.auth.secret import KEY_MARK, digest, key_prefix, matches, version
from gateway.auth.store import IdentityStore
from gateway.auth.token import AccessTokens, credentials_error
from gateway.workers.generation import Generation
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import Unauthenticated, Unavailable
from penstock_kit.logging import get_logger

log = get_logger(__name__)

Headers = Iterable[tuple[bytes, bytes]]

_REMEMBERED: Final = 10_000
_MAX_CREDENTIAL: Final = 8192
# How long a store that does not answer may hold up a caller who was recognised before, and when it is asked again.
_STORE_TIMEOUT_SECONDS: Final = 0.25
_ASK_AGAIN: Final = 5.0


@dataclass(slots=True)
class _Known:
    """Somebody who was recognised: until when nobody asks again, and until when he passes while the store is away."""

    caller: Caller
    fresh_until: float
    usable_until: float


class Authenticator:
    """Recognises ``Authorization: Bearer`` (JWT or API key) and ``x-api-key``.

    What was recognised is remembered in this process for `remember` seconds, so that a busy caller does not
    cost a query per request; a revoked key may live that much longer on other machines. Gateways of one machine share
    `generation`: what one of them changed is looked up again by all, at once. While the store is away,
    whoever was recognised in the last `outage` seconds goes on, until the key or token expires.
    """

    def __init__(
        self,
        *,
        store: IdentityStore,
        tokens: AccessTokens,
        clock: Clock,
        remember: float = 15.0,
        outage: float = 900.0,
        generation: Generation | None = None,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._remember = remember
        self._outage = outage
        self._known: dict[bytes, _Known] = {}
        # Counts what made everybody be looked up again: what was read before such a change is not remembered.
        self._changes = 0
        self._store_is_away = False
        self._generation = generation
        self._seen_generation = 0  # whatever changed before: nobody is remembered yet

    async def caller(self, headers: Headers) -> Caller:
        """Return who sent `headers`; raise Unauthenticated (CREDENTIALS_REQUIRED or CREDENTIALS_INVALID)."""
        credentials = _credentials(headers)
        if not credentials:
            message = "send 'Authorization: Bearer <API key or access token>' or 'x-api-key: <API key>'"
            raise Unauthenticated(message, reason="CREDENTIALS_REQUIRED")
        for credential in credentials[:-1]:
            try:
                return await self.recognise(credential)
            except Unauthenticated:
                continue
        return await self.recognise(credentials[-1])

    def remembered_tenant(self, headers: Headers) -> str:
        """Return the tenant of the caller whom `headers` stood for when they came last; empty when nobody knows."""
        for credential in _credentials(headers):
            if (known := self._known.get(_fingerprint(credential))) is not None:
                return known.caller.tenant_id
        return ""

    async def recognise(self, credential: str) -> Caller:
        """Return whom one API key or access token stands for; raise Unauthenticated, or Unavailable when the store is
        away and nobody was recognised by it lately."""
        if self._generation is not None and self._generation.read() != self._seen_generation:
            self._seen_generation = self._generation.read()
            self._forget_here()
        fingerprint = _fingerprint(credential)
        known = self._known.get(fingerprint)
        now = self._clock.monotonic()
        if known is not None and now < known.fresh_until:
            return known.caller
        if known is not None and now >= known.usable_until:
            known = None
        changes = self._changes
        try:
            async with _store_timeout(known):
                caller, expire_time = await self._verify(credential)
        except Unauthenticated:
            self._known.pop(fingerprint, None)
            raise
        except (Unavailable, TimeoutError) as error:
            if known is None:
                raise
            self._note_outage(error)
            known.fresh_until = min(now + _ASK_AGAIN, known.usable_until)
            return known.caller
        self._store_is_away = False
        end = float("inf") if expire_time is None else now + (expire_time - self._clock.now()).total_seconds()
        if changes == self._changes:
            self._keep(fingerprint, _Known(caller, min(now + self._remember, end), min(now + self._outage, end)))
        return caller

    async def revalidate(self, caller: Caller) -> Caller:
        """Return somebody who was admitted moments ago as the store knows them now; raise Unauthenticated when the
        credentials no longer count. While the store is away it is the caller as given."""
        try:
            async with asyncio.timeout(_STORE_TIMEOUT_SECONDS):
                key = await self._store.key(caller.tenant_id, caller.key_id) if caller.key_id else None
                user = await self._store.user(caller.user_id)
                sessions = await self._sessions(caller)
        except (Unavailable, TimeoutError) as error:
            self._note_outage(error)
            return caller
        found = revalidate(caller, user=user, key=key, sessions=sessions, now=self._clock.now())
        if found is None:
            raise credentials_error()
        return found

    def forget(self) -> None:
        """Look everybody up again, those too who are being looked up now: a key or user was changed or deleted,
        or a session has ended."""
        if self._generation is not None:
            self._generation.change()
            self._seen_generation = self._generation.read()
        self._forget_here()

    def _forget_here(self) -> None:
        self._changes += 1
        self._known.clear()

    def _note_outage(self, error: Exception) -> None:
        if not self._store_is_away:
            log.warning("callers are recognised from memory", detail=str(error) or "the database does not answer")
        self._store_is_away = True

    def _keep(self, fingerprint: bytes, known: _Known) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[fingerprint] = known

    async def _verify(self, credential: str) -> tuple[Caller, datetime | None]:
        if credential.startswith(KEY_MARK):
            return await self._by_key(credential)
        return await self._by_token(credential)

    async def _by_key(self, text: str) -> tuple[Caller, datetime | None]:
        now, shown = self._clock.now(), digest(text)
        key = await self._store.key_by_prefix(key_prefix(text))
        expire_time = None if key is None else _accepted_until(key, shown, now)
        if key is None or expire_time == now:
            raise credentials_error()
        user = await self._store.user(key.user_id)
        if user is None or not user.active or user.tenant_id != key.tenant_id:
            raise credentials_error()
        # A key never carries more than its owner has now.
        caller = Caller(
            user_id=user.id,
            tenant_id=key.tenant_id,
            key_id=key.id,
            scopes=within(key.scopes, user.scopes),
            credential_version=version(shown),
        )
        return caller, expire_time

    async def _by_token(self, text: str) -> tuple[Caller, datetime | None]:
        access = self._tokens.verify(text)
        user = await self._store.user(access.caller.user_id)
        sessions = await self._sessions(access.caller)
        caller = revalidate(access.caller, user=user, key=None, sessions=sessions, now=self._clock.now())
        if caller is None:
            raise credentials_error()
        return caller, access.expire_time

    async def _sessions(self, caller: Caller) -> Collection[str]:
        """Return the session of a caller if it is open; nothing where there is none to look up."""
        return await self._store.sessions_by_id([caller.session_id]) if caller.session_id else ()


def _fingerprint(credential: str) -> bytes:
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


def _store_timeout(known: _Known | None) -> AbstractAsyncContextManager[object]:
    return nullcontext() if known is None else asyncio.timeout(_STORE_TIMEOUT_SECONDS)


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
