"""Access tokens: JWTs signed with HS256 and nothing else."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.auth.identity import User
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import FailedPrecondition, Unauthenticated
from penstock_kit.ids import new_id

ISSUER: Final = "penstock"
AUDIENCE: Final = "penstock-api"
_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"
_MIN_SECRET_BYTES: Final = 32
_MAX_TOKEN_LENGTH: Final = 8192
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub", "jti"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A verified access token: whom it stands for and until when."""

    caller: Caller
    expire_time: datetime


class AccessTokens:
    """Issues and verifies access tokens.

    Tokens are signed with the first secret; the others are still accepted, so that a secret can be
    replaced without logging everybody out. Every refusal is the same Unauthenticated: what was wrong
    with a token is nobody's business but the log's.
    """

    def __init__(self, *, secrets: tuple[str, ...], lifetime: timedelta, clock: Clock) -> None:
        for secret in secrets:
            if len(secret.encode()) < _MIN_SECRET_BYTES:
                message = f"JWT_SECRET has {len(secret.encode())} bytes; it needs at least {_MIN_SECRET_BYTES}"
                raise FailedPrecondition(message, reason="JWT_SECRET_INVALID")
        self._secrets: Mapping[str, str] = {_key_id(secret): secret for secret in secrets}
        self._signing = _key_id(secrets[0])
        self.lifetime = lifetime
        self._clock = clock

    def issue(self, user: User, session_id: str = "", *, until: datetime | None = None) -> str:
        """Return an access token for `user` that counts as long as the session does, and not after `until`."""
        import jwt

        now = self._clock.now()
        end = now + self.lifetime
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user.id,
            "tid": user.tenant_id,
            "scope": " ".join(sorted(user.scopes)),
            "ver": user.session_epoch,
            "sid": session_id,
            "iat": now,
            "exp": end if until is None else min(end, until),
            "jti": new_id("at"),
        }
        headers = {"kid": self._signing, "typ": _TYPE}
        return jwt.encode(claims, self._secrets[self._signing], algorithm=_ALGORITHM, headers=headers)

    def verify(self, token: str) -> AccessToken:
        """Return what `token` says; raise Unauthenticated when it is not ours, not complete or not in time."""
        import jwt

        if len(token) > _MAX_TOKEN_LENGTH:
            raise credentials_error()
        try:
            secret = self._secret(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                secret,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Times are checked below, by our own clock.
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise credentials_error() from None
        return self._access(claims)

    def _secret(self, header: Mapping[str, Any]) -> str:
        """Return the secret that the header names. Nothing in a header may choose an algorithm or a key's source."""
        secret = self._secrets.get(str(header.get("kid")))
        if secret is None or header.get("alg") != _ALGORITHM or header.get("typ") != _TYPE:
            raise credentials_error()
        return secret

    def _access(self, claims: Mapping[str, Any]) -> AccessToken:
        subject, tenant, scope, expiry = (claims.get(name) for name in ("sub", "tid", "scope", "exp"))
        # Tokens of before there were epochs, or sessions in them, live for minutes.
        epoch, session_id = claims.get("ver", 0), claims.get("sid", "")
        if not (isinstance(subject, str) and isinstance(tenant, str) and isinstance(scope, str)):
            raise credentials_error()
        if not isinstance(session_id, str):
            raise credentials_error()
        if not isinstance(expiry, int) or not isinstance(epoch, int) or not subject or not tenant:
            raise credentials_error()
        try:
            expire_time = datetime.fromtimestamp(expiry, UTC)
        except (OverflowError, ValueError, OSError):
            raise credentials_error() from None
        if expire_time <= self._clock.now():
            raise credentials_error()
        caller = Caller(
            user_id=subject,
            tenant_id=tenant,
            scopes=frozenset(scope.split()),
            credential_version=epoch,
            session_id=session_id,
        )
        return AccessToken(caller=caller, expire_time=expire_time)


def credentials_error() -> Unauthenticated:
    """Return the one answer to every credential that does not count."""
    message = "the credentials are not valid or have expired; log in again or use a live API key"
    return Unauthenticated(message, reason="CREDENTIALS_INVALID")


def _key_id(secret: str) -> str:
    return hashlib.sha256(b"penstock-jwt-kid:" + secret.encode()).hexdigest()[:16]
