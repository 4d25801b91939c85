"""Which gateway is asked: the first that works, of several that are equal."""

import random
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from penstock_client.address import web_address

_REST_SECONDS: Final = 10.0
_MOST_DOUBLINGS: Final = 20


class Endpoints:
    """The gateways' addresses, in the order of preference.

    One that failed rests for some seconds, so that calls go to another one at once; when all rest, the one that has
    rested longest is asked. Safe to share between threads: a lost race costs one more attempt.
    """

    def __init__(self, urls: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        if not urls:
            raise ValueError("give the address of at least one gateway, such as http://127.0.0.1:8000")
        self._urls = [web_address(url) for url in urls]
        self._failed_at: dict[str, float] = {}
        self._clock = clock

    def __len__(self) -> int:
        return len(self._urls)

    def best(self) -> str:
        """Return the address to ask now."""
        now = self._clock()
        fresh = [url for url in self._urls if now - self._failed_at.get(url, now - _REST_SECONDS) >= _REST_SECONDS]
        return fresh[0] if fresh else min(self._urls, key=lambda url: self._failed_at[url])

    def mark_failed(self, url: str) -> bool:
        """Let `url` rest; return whether there is another one that does not."""
        self._failed_at[url] = self._clock()
        return self.best() != url

    def mark_working(self, url: str) -> None:
        """Note that `url` answered."""
        self._failed_at.pop(url, None)


def backoff(attempt: int, *, retry_after: float | None, longest: float = 20.0) -> float:
    """Return the seconds to wait before attempt `attempt` (1, 2, …): what the gateway asked for, else full jitter."""
    if retry_after is not None:
        return min(retry_after, 60.0) + random.uniform(0, 0.25)  # noqa: S311 - spreads load, hides nothing
    return random.uniform(0, min(longest, 0.25 * 2.0 ** min(attempt, _MOST_DOUBLINGS)))  # noqa: S311 - spreads load, hides nothing


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
