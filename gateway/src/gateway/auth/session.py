"""Logging in and staying in: access tokens with refresh tokens that are used once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from gateway.auth.cluster_attempts import ClusterAttempts, Tally, attempt
from gateway.auth.identity import RefreshToken, User
from gateway.auth.login_attempts import AttemptLimiter, LoginAttemptLimiter, site
from gateway.auth.login_name import parse_login_name
from gateway.auth.password import Passwords
from gateway.auth.secret import digest, new_token
from gateway.auth.store import IdentityStore
from gateway.auth.token import AccessTokens
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, Unauthenticated
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

# Users of one name whose passwords are tried at a login without a tenant; each takes its 50 ms.
_MOST_NAMED: Final = 4
MOST_SESSIONS: Final = 200
"""Sessions of a user; one more ends the one that was refreshed longest ago."""
# How often a session is refreshed: four times as often as its access tokens end, and this often at least.
_LEAST_REFRESHES: Final = 1000
_REFRESHES_PER_END: Final = 4

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a login gives; `expires_in` is the life of the access token in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


class Sessions:
    """Exchanges passwords and refresh tokens for token pairs.

    `cluster` counts failures over all gateways; without it this one counts for itself. `on_login` is told of each
    attempt with a password, and through the issuer of single sign-on, whether it was right; `on_end` of a session's end
    before its time. Access tokens end with their session.
    A refresh token that comes back after its use was stolen, on one side or the other: its whole family ends. Used
    ones are kept for that, so their number has a bound, and a family beyond it ends, too.
    """

    def __init__(
        self,
        *,
        store: IdentityStore,
        passwords: Passwords,
        tokens: AccessTokens,
        clock: Clock,
        lifetime: timedelta,
        attempts: LoginAttemptLimiter,
        cluster: ClusterAttempts | None = None,
        on_login: Callable[[bool], object] = bool,
        on_end: Callable[[], object] = bool,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._tokens = tokens
        self._clock = clock
        self._lifetime = lifetime
        self._attempts = attempts
        self._cluster = cluster
        self._on_login = on_login
        self._on_end = on_end

    async def login(self, username: str, password: str, *, address: str, tenant_id: str = "") -> TokenPair:
        """Return tokens for the user; raise Unauthenticated (LOGIN_FAILED) or ResourceExhausted after many failures.

        A name may be in several tenants: ``tenant/name`` says which. Else it is the user whose password it is, of
        several the oldest; raises InvalidArgument (TENANT_REQUIRED) where there are too many to try.
        """
        named = await self._named(username, tenant_id)
        who = [user.id for user in named] or [f"name {username}"]
        check = partial(self._attempts.check, who, address)
        tallies = _tallies(self._attempts.subjects(who, address))
        binding = _tallies(self._attempts.binding(who, address))
        if self._cluster is not None:
            await self._cluster.learn(tallies)
        check()
        found = await self._passwords.find_match(
            password,
            [user.password_hash for user in named],
            subject=site(address),
            preferred=self._attempts.is_known(who, address),
            attempt=partial(attempt, self._cluster, tallies, check=check, binding=binding),
        )
        if found is None:
            self._on_login(False)
            raise Unauthenticated("the username or password is wrong", reason="LOGIN_FAILED")
        user = named[found]
        self._attempts.record_success(user.id, address)
        if self._cluster is not None:
            await self._cluster.record_success(tallies[found])
        await self._renew_hash(user, password)
        return await self.open(user, lifetime=self._lifetime)

    async def _renew_hash(self, user: User, password: str) -> None:
        """Hash a password anew whose hash was made with other costs; one that was changed meanwhile stays."""
        if self._passwords.is_outdated(user.password_hash):
            hashed = await self._passwords.hash(password)
            await self._store.renew_hash(user.id, hashed, replaces=user.password_hash)

    async def open(self, user: User, *, lifetime: timedelta) -> TokenPair:
        """Return tokens for `user`, who was recognised just now; refreshed or not, they end after `lifetime`."""
        self._on_login(True)
        await self._store.drop_expired(self._clock.now())
        token, text = self._token(user, new_id("fam"), self._clock.now() + lifetime)
        await self._store.add_token(token)
        await self._store.end_sessions_beyond(MOST_SESSIONS, user.id)
        return self._pair(user, token, text)

    def record_refusal(self) -> None:
        """Count a sign-in through the issuer of single sign-on that failed."""
        self._on_login(False)

    async def _named(self, username: str, tenant_id: str) -> Sequence[User]:
        """Return the active users whom a login may mean, the oldest first."""
        name = parse_login_name(username, tenant_id)
        found = await self._store.users_by_name(
            name.username, tenant_id=name.tenant_id, active_only=True, limit=_MOST_NAMED + 1
        )
        if len(found) > _MOST_NAMED:
            message = f"more than {_MOST_NAMED} tenants have a user of this name; log in as TENANT/NAME"
            raise InvalidArgument(message, reason="TENANT_REQUIRED")
        return found

    async def refresh(self, text: str) -> TokenPair:
        """Return the next tokens of the family; raise Unauthenticated (REFRESH_TOKEN_INVALID)."""
        token = await self._store.token(digest(text))
        if token is None or token.expire_time <= self._clock.now():
            raise _refused()
        user = await self._store.user(token.user_id)
        if user is None or not user.active or user.session_epoch != token.session_epoch:
            raise _refused()
        following, following_text = self._token(user, token.family_id, token.expire_time)
        if not await self._store.replace_token(token.digest, following):
            log.warning("a refresh token was used twice; its session ends", user=token.user_id, family=token.family_id)
            await self._end(token)
            raise _refused()
        if await self._store.count_family(token.family_id) > self._most_refreshes():
            log.warning("a session was refreshed too often; it ends", user=token.user_id, family=token.family_id)
            await self._end(token)
            raise _refused()
        return self._pair(user, following, following_text)

    def _most_refreshes(self) -> int:
        """Return how often a session may be refreshed in its life."""
        return max(_LEAST_REFRESHES, int(_REFRESHES_PER_END * (self._lifetime / self._tokens.lifetime)))

    async def logout(self, text: str) -> None:
        """End the session a refresh token belongs to, its access tokens too; an unknown token is no error."""
        token = await self._store.token(digest(text))
        if token is not None:
            await self._end(token)

    async def _end(self, token: RefreshToken) -> None:
        await self._store.revoke_family(token.family_id)
        self._on_end()

    def _token(self, user: User, family_id: str, expire_time: datetime) -> tuple[RefreshToken, str]:
        """Return a new token and its text, of which the token holds the digest alone."""
        text = new_token("prt")
        token = RefreshToken(
            digest=digest(text),
            family_id=family_id,
            user_id=user.id,
            create_time=self._clock.now(),
            expire_time=expire_time,
            session_epoch=user.session_epoch,
        )
        return token, text

    def _pair(self, user: User, token: RefreshToken, text: str) -> TokenPair:
        access_token = self._tokens.issue(user, token.family_id, until=token.expire_time)
        lifetime = min(self._tokens.lifetime, token.expire_time - self._clock.now())
        return TokenPair(access_token=access_token, refresh_token=text, expires_in=int(lifetime.total_seconds()))


def _tallies(subjects: Sequence[tuple[str, str, AttemptLimiter]]) -> Sequence[Tally]:
    return [Tally(kind=kind, subject=subject, limiter=limiter) for kind, subject, limiter in subjects]


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "the refresh token is unknown, used or expired; log in again", reason="REFRESH_TOKEN_INVALID"
    )
