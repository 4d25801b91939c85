"""When a service that ended is started again."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRule:
    """Delays double from `first_delay` to `longest_delay` seconds; `tries` short lives in a row are one too many.

    A life under `short_life` seconds is short; a longer one makes the count start anew.
    """

    first_delay: float = 0.5
    longest_delay: float = 15.0
    short_life: float = 10.0
    tries: int = 5


class Restarts:
    """Decides for one service. `random` gives a number in [0, 1)."""

    def __init__(self, rule: RestartRule, random: Callable[[], float]) -> None:
        self._rule = rule
        self._random = random
        self.short_lives = 0

    def next_delay(self, lived: float) -> float | None:
        """Return the seconds to wait before the next start after a life of `lived` seconds; None: give up.

        The delay is drawn from the upper half of its range, so that services that fell together don't
        all return at the same moment.
        """
        rule = self._rule
        self.short_lives = self.short_lives + 1 if lived < rule.short_life else 0
        if self.short_lives >= rule.tries:
            return None
        delay = min(rule.longest_delay, rule.first_delay * 2 ** max(0, self.short_lives - 1))
        return delay * (0.5 + self._random() / 2)
