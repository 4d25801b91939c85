"""How many sign in, with a password or through single sign-on, and how many fail to."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

_OUTCOMES: Final = {True: "ok", False: "refused"}


class SignInMetrics:
    """``penstock_sign_ins_total``; each outcome is there at 0 before the first, so that rules see the first come."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = Counter(
            "penstock_sign_ins", "Sign-ins with a password or through single sign-on.", ["outcome"], registry=registry
        )
        self._counters = {known: counter.labels(outcome) for known, outcome in _OUTCOMES.items()}

    def record(self, known: bool) -> None:
        """Count one attempt; `known` says whether it was somebody who may come in."""
        self._counters[known].inc()
