"""Single-use tickets for clients that can't send headers: ``EventSource`` and WebSockets."""

from dataclasses import dataclass
from typing import Final

from gateway.auth.secret import digest, new_token
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import Unauthenticated

LIFE_SECONDS: Final = 30.0
_MOST: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticket:
    caller: Caller
    subject: str
    until: float


class Tickets:
    """Issues and redeems tickets, each for one caller, one subject (a stream or conversation) and one use.

    They live in this process: a ticket is redeemed where it was issued, within 30 s.
    """

    def __init__(self, *, clock: Clock, life: float = LIFE_SECONDS) -> None:
        self._clock = clock
        self.life = life
        self._live: dict[str, _Ticket] = {}

    def issue(self, caller: Caller, subject: str) -> str:
        """Return a new ticket with which `caller` may open `subject` once."""
        now = self._clock.monotonic()
        self._drop_old(now)
        text = new_token("ptk")
        self._live[digest(text)] = _Ticket(caller=caller, subject=subject, until=now + self.life)
        return text

    def redeem(self, text: str, subject: str) -> Caller:
        """Return whose ticket it is and use it up; raise Unauthenticated (TICKET_INVALID)."""
        ticket = self._live.pop(digest(text), None)
        if ticket is None or ticket.subject != subject or ticket.until <= self._clock.monotonic():
            message = f"the ticket is unknown, used or older than {self.life:g} s; ask for a new one"
            raise Unauthenticated(message, reason="TICKET_INVALID")
        return ticket.caller

    def _drop_old(self, now: float) -> None:
        """Tickets are kept in the order of their ends, so the old ones are in front."""
        while self._live:
            oldest = next(iter(self._live))
            if self._live[oldest].until > now and len(self._live) < _MOST:
                return
            del self._live[oldest]
