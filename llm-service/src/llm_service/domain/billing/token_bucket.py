"""A rate per minute as a bucket that fills evenly: bursts up to a minute's worth, never more on average."""

from penstock_kit.clock import Clock


class TokenBucket:
    """`limit` per minute. What was taken too much is a debt that later takers wait for."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self.limit = limit
        self._clock = clock
        self._left = float(limit)
        self._filled = clock.monotonic()

    def take(self, amount: int) -> float:
        """Take `amount` and return 0, or return the seconds until it could be taken and take nothing.

        More than a whole minute's worth may be taken when the bucket is full.
        """
        now = self._clock.monotonic()
        self._left = min(self.limit, self._left + (now - self._filled) * self.limit / 60)
        self._filled = now
        needed = min(amount, self.limit)
        if self._left < needed:
            return (needed - self._left) * 60 / self.limit
        self._left -= amount
        return 0.0

    def correct(self, amount: int) -> None:
        """Take `amount` more, or give some back when it is negative."""
        self._left = min(self.limit, self._left - amount)
