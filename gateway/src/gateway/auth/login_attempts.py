"""Limits on attempts to guess: failures of a subject, and of a login by name and address."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from penstock_kit.clock import Clock
from penstock_kit.errors import ResourceExhausted

_IPV6_SITE: Final = 64
_MOST_KNOWN: Final = 10_000
_MOST: Final = 50_000


class AttemptLimiter:
    """Counts failures, or `what` else is tried, per subject in a fixed window; at `limit` the subject is refused."""

    def __init__(self, *, clock: Clock, limit: int = 5, window: float = 60.0, what: str = "failed attempts") -> None:
        self._clock = clock
        self.limit = limit
        self.window = window
        self._what = what
        self._failures: dict[str, tuple[float, int]] = {}

    def check(self, subject: str) -> None:
        """Raise ResourceExhausted (ATTEMPTS_LIMIT_EXCEEDED) with the time to wait when `subject` failed too often."""
        until, count = self._failures.get(subject, (0.0, 0))
        left = until - self._clock.monotonic()
        if left > 0 and count >= self.limit:
            message = f"too many {self._what}; wait {left:.0f} s"
            raise ResourceExhausted(message, reason="ATTEMPTS_LIMIT_EXCEEDED", retry_after=left)

    def record_failure(self, subject: str) -> None:
        """Count one failure."""
        now = self._clock.monotonic()
        until, count = self._failures.get(subject, (0.0, 0))
        if until <= now:
            self._failures.pop(subject, None)
            until, count = now + self.window, 0
        if len(self._failures) >= _MOST:
            del self._failures[next(iter(self._failures))]
        self._failures[subject] = (until, count + 1)

    def raise_to(self, subject: str, count: int) -> None:
        """Note that `subject` has failed `count` times at all gateways together, within one window."""
        while self._count(subject) < count and self._count(subject) < self.limit:
            self.record_failure(subject)

    def _count(self, subject: str) -> int:
        until, count = self._failures.get(subject, (0.0, 0))
        return count if until > self._clock.monotonic() else 0

    def record_success(self, subject: str) -> None:
        """Forget the failures of `subject`."""
        self._failures.pop(subject, None)


class LoginAttemptLimiter:
    """Counts failed logins per user and address, per address, and per user over all addresses.

    The first stops a guesser without stopping anybody elsewhere. The other two are wide brakes against many users
    from one place and many places for one user; from where a user has logged in before, he still can. `who` are the
    ids of the users that a login may mean, for a name may be in several tenants: it counts for each of them, and what
    one of them knows says nothing of the others. An IPv6 address stands for its /64, which is one customer's. All
    tables are bounded.
    """

    def __init__(self, *, clock: Clock, pairs: int = 5, addresses: int = 30, names: int = 100) -> None:
        self._pairs = AttemptLimiter(clock=clock, limit=pairs)
        self._addresses = AttemptLimiter(clock=clock, limit=addresses)
        self._names = AttemptLimiter(clock=clock, limit=names)
        self._known: dict[tuple[str, str], None] = {}

    def check(self, who: Sequence[str], address: str) -> None:
        """Raise ResourceExhausted (ATTEMPTS_LIMIT_EXCEEDED) with the time to wait when there were too many failures."""
        place = site(address)
        for each in who:
            self._pairs.check(f"{place} {each}")
        if not self.is_known(who, address):
            self._addresses.check(place)
            for each in who:
                self._names.check(each)

    def is_known(self, who: Sequence[str], address: str) -> bool:
        """Whether everyone whom it may be has logged in from there before."""
        place = site(address)
        return bool(who) and all((place, each) in self._known for each in who)

    def binding(self, who: Sequence[str], address: str) -> Sequence[tuple[str, str, AttemptLimiter]]:
        """Return those of :meth:`subjects` that may refuse the login: from where he belongs, only the pairs."""
        found = self.subjects(who, address)
        return found[: len(who)] if self.is_known(who, address) else found

    def subjects(self, who: Sequence[str], address: str) -> Sequence[tuple[str, str, AttemptLimiter]]:
        """Return what a login counts for, the kind and name of each subject with its limiter: pairs first, as `who`."""
        place = site(address)
        return (
            *(("login-pair", f"{place} {each}", self._pairs) for each in who),
            ("login-address", place, self._addresses),
            *(("login-name", each, self._names) for each in who),
        )

    def record_failure(self, who: Sequence[str], address: str) -> None:
        """Count one failure."""
        for _, subject, limiter in self.subjects(who, address):
            limiter.record_failure(subject)

    def record_success(self, user_id: str, address: str) -> None:
        """Forget the failures of this user at this address, and remember that he belongs there."""
        place = site(address)
        self._pairs.record_success(f"{place} {user_id}")
        self._known.pop((place, user_id), None)
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[place, user_id] = None


def site(address: str) -> str:
    """Return whom an address belongs to: an IPv4 address itself, an IPv6 address's /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed.packed, _IPV6_SITE), strict=False))
    return str(parsed)
