"""The connection to Redis: short timeouts, no retries, and one place that knows whether it is there."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger
from penstock_kit.redaction import mask_urls
from penstock_kit.redis.cancellation import heeded
from penstock_kit.redis.pause_tolerant_timeout import pause_tolerant_timeout

# redis-py's own default would wait for seconds and try again several times.
_TIMEOUT_SECONDS: Final = 0.2
# For what is sent past `run`; redis-py's clock also counts while our own event loop stands still.
_SOCKET_TIMEOUT_SECONDS: Final = 1.0
_CONNECTIONS: Final = 64

log = get_logger(__name__)

Command = Sequence[Any]


class RedisAway(Exception):  # noqa: N818 - a state of the world, caught close by
    """Redis does not answer now."""


class RedisLink:
    """Sends commands while Redis is up; says at once that it is away while it is not.

    One failed or late command means away: whoever sends next gets RedisAway without waiting, until :meth:`probe`
    has been answered. `listen` tells when it goes and when it is back. An outage is one line in the log.
    """

    def __init__(self, url: str, *, clock: Clock, timeout: float = _TIMEOUT_SECONDS) -> None:
        self._url = url
        self._clock = clock
        self._timeout = timeout
        # redis-py's own types leave too much open to be of use.
        self._client: Any = None
        self._listeners: list[Callable[[bool], None]] = []
        self._since = clock.monotonic()
        self._error = ""
        self._up = False
        self._known = False
        self._outages = 0
        self._closed = False
        self._under_way: set[asyncio.Future[None]] = set()

    @property
    def up(self) -> bool:
        """Whether Redis answered last time."""
        return self._up

    @property
    def error(self) -> str:
        """What went wrong last; empty while up."""
        return "" if self._up else self._error or "not asked yet"

    def settled(self, seconds: float) -> bool:
        """Return whether Redis is up, and did not come back from an outage within the last `seconds`."""
        return self._up and (self._outages == 0 or self._clock.monotonic() - self._since > seconds)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Call `changed` with True when Redis is there (again), with False when it goes."""
        self._listeners.append(changed)

    async def run(self, commands: Sequence[Command], *, transaction: bool = False) -> list[Any]:
        """Send commands in one go and return their answers, an exception in the place of each refused one.

        Raises RedisAway when Redis is away or does not answer in time.
        """
        if not self._up:
            raise RedisAway(self.error)
        return await self._run(commands, transaction=transaction)

    async def probe(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands whether Redis is thought to be up or not; an answer means that it is up."""
        answers = await self._run(commands, transaction=False)
        if not self._up:
            self._turn(up=True)
        return answers

    def failed(self, error: Exception) -> None:
        """Note that Redis did not answer."""
        self._error = _described(error)
        if self._up or not self._known:
            self._turn(up=False)

    def pubsub(self) -> Any:
        """Return a new connection for subscriptions."""
        return self._opened().pubsub(ignore_subscribe_messages=False)

    async def close(self) -> None:
        """Close all connections, as soon as the commands under way have been answered; later ones get RedisAway.

        A connection that was still being made while redis-py closes its pool would stay open.
        """
        self._closed = True
        if self._under_way:
            await asyncio.wait(self._under_way)
        if self._client is not None:
            await self._client.aclose()

    async def _run(self, commands: Sequence[Command], *, transaction: bool) -> list[Any]:
        from redis.exceptions import RedisError

        if self._closed:
            raise RedisAway("closed")
        try:
            async with pause_tolerant_timeout(self._timeout):
                with heeded(), self._counted():
                    answers = await self._send(commands, transaction=transaction)
        except (RedisError, OSError, TimeoutError) as error:
            self.failed(error)
            raise RedisAway(self.error) from error
        self._check(answers)
        return answers

    @contextmanager
    def _counted(self) -> Generator[None]:
        """Let :meth:`close` wait for the block."""
        ended = asyncio.get_running_loop().create_future()
        self._under_way.add(ended)
        try:
            yield
        finally:
            self._under_way.discard(ended)
            ended.set_result(None)

    async def _send(self, commands: Sequence[Command], *, transaction: bool) -> list[Any]:
        async with self._opened().pipeline(transaction=transaction) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)

    def _check(self, answers: Sequence[Any]) -> None:
        """Count a server that answers but can't work (loading, read-only, out of memory) as away."""
        for answer in answers:
            if isinstance(answer, Exception) and not is_missing_script(answer):
                self.failed(answer)
                raise RedisAway(self.error) from answer

    def _opened(self) -> Any:
        if self._client is None:
            from redis import asyncio as redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            library: Any = redis
            self._client = library.Redis.from_url(
                self._url,
                socket_timeout=_SOCKET_TIMEOUT_SECONDS,
                socket_connect_timeout=_SOCKET_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 0),
                max_connections=_CONNECTIONS,
                protocol=2,
                driver_info=None,
            )
        return self._client

    def _turn(self, *, up: bool) -> None:
        lasted = self._clock.monotonic() - self._since
        self._since = self._clock.monotonic()
        self._up = up
        if not up:
            self._outages += 1
            log.warning("redis is away, going on in memory", detail=self._error)
        elif self._known:
            log.info("redis is back", away_seconds=round(lasted, 3))
        self._known = True
        for changed in self._listeners:
            changed(up)


def is_missing_script(answer: object) -> bool:
    """Return whether a server refused a script because it does not know it (any more)."""
    return isinstance(answer, Exception) and "NOSCRIPT" in f"{type(answer).__name__} {answer}".upper()


def _described(error: Exception) -> str:
    return mask_urls(f"{error}".strip()) or type(error).__name__
