"""Single-use tickets for clients that can't send headers: ``EventSource`` and WebSockets."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from gateway.auth.token import ISSUER
from gateway.auth.used_tickets import UsedTickets
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import Unauthenticated
from penstock_kit.ids import new_id

LIFE_SECONDS: Final = 30.0
# What a ticket says about itself, so that it is no access token, and an access token no ticket.
_AUDIENCE: Final = "penstock-ticket"
_TYPE: Final = "ticket+jwt"
_ALGORITHM: Final = "HS256"
_REQUIRED: Final = ["exp", "iss", "aud", "sub", "jti", "ver"]
MAX_LENGTH: Final = 4096


class Tickets:
    """Issues and redeems tickets, each for one caller, one subject (a stream, conversation or client) and one use.

    A ticket is signed with the secret of the access tokens, so that it is redeemed at any gateway with that secret;
    `used` says whether it was redeemed before, `revalidate` who its caller is by then.
    """

    def __init__(
        self,
        *,
        secrets: tuple[str, ...],
        used: UsedTickets,
        revalidate: Callable[[Caller], Awaitable[Caller]],
        clock: Clock,
        life: float = LIFE_SECONDS,
    ) -> None:
        self._secrets = secrets
        self._used = used
        self._revalidate = revalidate
        self._clock = clock
        self.life = life

    def issue(self, caller: Caller, subject: str) -> str:
        """Return a new ticket with which `caller` may open `subject` once."""
        import jwt

        claims = {
            "iss": ISSUER,
            "aud": _AUDIENCE,
            "sub": caller.user_id,
            "tid": caller.tenant_id,
            "key": caller.key_id,
            "scope": " ".join(sorted(caller.scopes)),
            "ver": caller.credential_version,
            "sid": caller.session_id,
            "for": subject,
            "exp": self._clock.now() + timedelta(seconds=self.life),
            "jti": new_id("ptk"),
        }
        return jwt.encode(claims, self._secrets[0], algorithm=_ALGORITHM, headers={"typ": _TYPE})

    async def redeem(self, text: str, subject: str) -> Caller:
        """Return whose ticket it is and use it up; raise Unauthenticated: TICKET_INVALID, or CREDENTIALS_INVALID when
        the user, the key or the session it was made with has ended since."""
        claims = self._read(text)
        if claims is None or claims.get("for") != subject or claims["exp"] <= self._clock.now().timestamp():
            raise self._invalid()
        if not await self._used.mark_used(str(claims["jti"]), self.life):
            raise self._invalid()
        scopes = frozenset(str(claims["scope"]).split())
        caller = Caller(
            user_id=claims["sub"],
            tenant_id=claims["tid"],
            key_id=claims["key"],
            scopes=scopes,
            credential_version=claims["ver"],
            session_id=claims.get("sid", ""),
        )
        return await self._revalidate(caller)

    def _read(self, text: str) -> Mapping[str, Any] | None:
        """Return what a ticket of ours says, None for any other text."""
        import jwt

        if len(text) > MAX_LENGTH:
            return None
        for secret in self._secrets:
            try:
                found = jwt.decode_complete(
                    text,
                    secret,
                    algorithms=[_ALGORITHM],
                    audience=_AUDIENCE,
                    issuer=ISSUER,
                    # Checked by our own clock.
                    options={"require": _REQUIRED, "verify_exp": False},
                )
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
                continue
            return found["payload"] if found["header"].get("typ") == _TYPE else None
        return None

    def _invalid(self) -> Unauthenticated:
        message = f"the ticket is unknown, used or older than {self.life:g} s; ask for a new one"
        return Unauthenticated(message, reason="TICKET_INVALID")
