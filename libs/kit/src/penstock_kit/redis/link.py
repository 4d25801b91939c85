"""The connection to Redis: short timeouts, no retries, and one place that knows whether it is there."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger
from penstock_kit.redaction import mask_urls
from penstock_kit.redis.address import RedisAddress, address_of
from penstock_kit.redis.connection import Command, PipelinedConnection, TooManyPending, pack
from penstock_kit.redis.deadline_queue import DeadlineQueue
from penstock_kit.redis.pause_tolerant_timeout import pause_tolerant_timeout

# redis-py's own default would wait for seconds and try again several times.
_TIMEOUT_SECONDS: Final = 0.2
# For what is sent past `run`; redis-py's clock also counts while our own event loop stands still.
_SOCKET_TIMEOUT_SECONDS: Final = 1.0
# A batch from so many bytes on goes over a connection of its own, so that small ones don't wait behind it.
_LARGE_BYTES: Final = 64 * 1024
_SMALL: Final = "small"
_LARGE: Final = "large"
# Errors of a server that answers and can't work; others are about the command.
_UNFIT: Final = frozenset(
    {"LOADING", "READONLY", "MASTERDOWN", "NOAUTH", "WRONGPASS", "NOPERM", "MISCONF", "BUSY", "CLUSTERDOWN"}
)
# What servers before Redis 7 say, without a code, of a script whose user lacks a right.
_SCRIPT_DENIED: Final = "The user executing the script can't"
_NO_ROOM: Final = "OOM"
# A server that answers every probe and then refuses the same command is one outage: said once in a minute.
_BRIEF_SECONDS: Final = 1.0
_SAY_AGAIN_SECONDS: Final = 60.0
_MULTI: Final = (b"*1\r\n$5\r\nMULTI\r\n",)
_EXEC: Final = (b"*1\r\n$4\r\nEXEC\r\n",)

log = get_logger(__name__)


class RedisUnavailable(Exception):  # noqa: N818 - a state of the world, caught close by
    """Redis does not answer. `sent`: the commands were written to the socket and may still take effect."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class RedisRefusal(Exception):  # noqa: N818 - the server's own word
    """Redis answered the set-up of a connection with an error, such as for wrong credentials."""


class RedisLink:
    """Sends commands while Redis is up; raises RedisUnavailable at once while it is down.

    One failed or late command marks it down: the next commands raise RedisUnavailable without waiting, until
    :meth:`probe` has been answered. `listen` tells when it goes and when it is back. An outage is one line in the log.
    """

    def __init__(
        self, url: str, *, clock: Clock, timeout: float = _TIMEOUT_SECONDS, wait_seconds: float | None = None
    ) -> None:
        """`timeout`: seconds after which a silent Redis is away. `wait_seconds`: seconds a caller of :meth:`run` waits
        before it goes on without, while only :meth:`probe` decides whether Redis is away; the same unless given."""
        self._url = url
        self._clock = clock
        self._timeout = timeout
        self._wait_seconds = wait_seconds
        self._address: RedisAddress | None = None
        self._lanes: dict[str, PipelinedConnection] = {}
        self._opening: dict[str, asyncio.Task[PipelinedConnection]] = {}
        # For subscriptions alone. redis-py's own types leave too much open to be of use.
        self._client: Any = None
        self._listeners: list[Callable[[bool], None]] = []
        self._since = clock.monotonic()
        self._error = ""
        self._up = False
        self._known = False
        self._outages = 0
        self._said = ""
        self._said_at = 0.0
        self._back_unsaid = False
        self._closed = False
        self._under_way: set[asyncio.Future[None]] = set()
        self._deadlines: dict[float, DeadlineQueue] = {}

    @property
    def up(self) -> bool:
        """Whether Redis answered last time."""
        return self._up

    @property
    def error(self) -> str:
        """What went wrong last; empty while up."""
        return "" if self._up else self._error or "not asked yet"

    def is_stable(self, seconds: float) -> bool:
        """Return whether Redis is up, and did not come back from an outage within the last `seconds`."""
        return self._up and (self._outages == 0 or self._clock.monotonic() - self._since > seconds)

    def listen(self, on_change: Callable[[bool], None]) -> None:
        """Call `on_change` with True when Redis is there (again), with False when it goes."""
        self._listeners.append(on_change)

    async def run(
        self, commands: Sequence[Command], *, transaction: bool = False, lane: str = "", may_lack_room: bool = False
    ) -> list[Any]:
        """Send commands in one go and return their answers, an exception in the place of each refused one.

        `lane` names a connection of its own for answers that others' should not wait behind: ``many`` for those of many
        keys, ``large`` for large ones. `may_lack_room`: a server that is full refuses with an answer; else it counts as
        away. Raises RedisUnavailable when Redis is away or does not answer in time.
        """
        if not self._up:
            raise RedisUnavailable(self.error)
        packed = pack(commands)
        lane = lane or _lane_of(packed)
        # Large values take their time, and one that is late says nothing of the others.
        wait_seconds = self._timeout if self._wait_seconds and lane == _LARGE else self._wait_seconds
        connection = self._lanes.get(lane)
        if transaction or connection is None or connection.closed or self._closed:
            return await self._run(
                packed, lane, transaction=transaction, may_lack_room=may_lack_room, wait_seconds=wait_seconds
            )
        # The way of nearly every command: no task, no timer and no lock of its own.
        try:
            future = connection.send_packed(packed)
            self._deadline(wait_seconds or self._timeout).add(future)
            answers = await future
        except (OSError, TooManyPending) as error:
            raise self._failed(error, lane, wait_seconds) from error
        for answer in answers:
            if isinstance(answer, Exception):
                self._check(answer, may_lack_room=may_lack_room)
        return answers

    async def probe(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands whether Redis is thought to be up or not; an answer, that of a full one too, means it is."""
        packed = pack(commands)
        answers = await self._run(packed, _lane_of(packed), transaction=False, may_lack_room=True)
        if not self._up:
            self._set_state(up=True)
        elif self._back_unsaid and self._clock.monotonic() - self._since >= _BRIEF_SECONDS:
            self._say_back()
        return answers

    def on_failure(self, error: Exception) -> None:
        """Mark Redis as down because of `error`."""
        self._error = _describe(error)
        if self._up or not self._known:
            self._set_state(up=False)

    def pubsub(self) -> Any:
        """Return a new connection for subscriptions."""
        return self._open_client().pubsub(ignore_subscribe_messages=False)

    async def close(self) -> None:
        """Close all connections, as soon as the commands under way are answered; later ones raise RedisUnavailable."""
        self._closed = True
        awaited = [future for connection in self._lanes.values() for future in connection.awaited()]
        if awaited or self._under_way:
            await asyncio.wait([*awaited, *self._under_way])
        opening = tuple(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        self._drop()
        if self._client is not None:
            await self._client.aclose()

    async def _run(
        self,
        packed: Sequence[bytes],
        lane: str,
        *,
        transaction: bool,
        may_lack_room: bool = False,
        wait_seconds: float | None = None,
    ) -> list[Any]:
        """Send commands where the connection may have to be made first: one deadline is over all of it."""
        if self._closed:
            raise RedisUnavailable("closed")
        try:
            async with pause_tolerant_timeout(wait_seconds or self._timeout):
                with self._track():
                    answers = await self._send(packed, lane, transaction=transaction)
        except (OSError, TooManyPending, RedisRefusal) as error:
            raise self._failed(error, lane, wait_seconds) from error
        for answer in answers:
            if isinstance(answer, Exception):
                self._check(answer, may_lack_room=may_lack_room)
        return answers

    def _failed(self, error: Exception, lane: str, wait_seconds: float | None) -> RedisUnavailable:
        """Mark Redis as down because of `error`, where that says so, and return what the caller is told."""
        if isinstance(error, TooManyPending):
            return RedisUnavailable(f"{error}")
        if isinstance(error, TimeoutError):
            if wait_seconds:
                # What was sent stays under way; it is for the next probe to say whether Redis is away.
                connection = self._lanes.get(lane)
                sent = connection is not None and not connection.closed
                return RedisUnavailable(f"no answer within {wait_seconds:g} s", sent=sent)
            self._drop()
        self.on_failure(error)
        return RedisUnavailable(self.error)

    def _deadline(self, seconds: float) -> DeadlineQueue:
        deadline = self._deadlines.get(seconds)
        if deadline is None:
            deadline = self._deadlines[seconds] = DeadlineQueue(seconds)
        return deadline

    @contextmanager
    def _track(self) -> Generator[None]:
        """Let :meth:`close` wait for the block."""
        ended = asyncio.get_running_loop().create_future()
        self._under_way.add(ended)
        try:
            yield
        finally:
            self._under_way.discard(ended)
            ended.set_result(None)

    async def _send(self, packed: Sequence[bytes], lane: str, *, transaction: bool) -> list[Any]:
        connection = await self._connect(lane)
        if not transaction:
            return await connection.send_packed(packed)
        answers = await connection.send_packed([*_MULTI, *packed, *_EXEC])
        done: Any = answers[-1]
        return cast("list[Any]", done) if isinstance(done, list) else [done] * len(packed)

    async def _connect(self, lane: str) -> PipelinedConnection:
        """Return the open connection of a lane; callers that find none wait for the one that is being made."""
        connection = self._lanes.get(lane)
        if connection is not None and not connection.closed:
            return connection
        opening = self._opening.get(lane)
        if opening is None:
            opening = self._opening[lane] = asyncio.create_task(self._open(lane))
            opening.add_done_callback(lambda task: self._on_lane_open(lane, task))
        return await asyncio.shield(opening)

    async def _open(self, lane: str) -> PipelinedConnection:
        if self._address is None:
            self._address = address_of(self._url)
        async with pause_tolerant_timeout(self._timeout):
            try:
                connection = await PipelinedConnection.open(self._address)
            except OSError as error:
                raise ConnectionError(f"{self._address.place}: {error.strerror or error}") from error
            except Exception as error:
                raise RedisRefusal(f"{self._address.place}: {error}") from error
        connection.on_loss = lambda error, was_given_up: self._on_loss(lane, error, was_given_up=was_given_up)
        self._lanes[lane] = connection
        return connection

    def _on_loss(self, lane: str, error: Exception, *, was_given_up: bool) -> None:
        """Count the loss of the main connection as an outage, however short: the server may have come back with what
        it held before. Others are closed when they are idle, which matters only to commands that were given up."""
        if lane == _SMALL or was_given_up:
            self.on_failure(error)

    def _on_lane_open(self, lane: str, task: "asyncio.Task[PipelinedConnection]") -> None:
        if self._opening.get(lane) is task:
            del self._opening[lane]
        if not task.cancelled():
            task.exception()  # whoever waited for it may have left

    def _drop(self) -> None:
        """End the connections: what was not answered in time is not waited for any longer."""
        lanes, self._lanes = self._lanes, {}
        for connection in lanes.values():
            connection.close()

    def _check(self, answer: Exception, *, may_lack_room: bool) -> None:
        """Count a server that answers but can't work (loading, read-only, out of memory) as away."""
        if _is_unfit(answer, may_lack_room=may_lack_room):
            self.on_failure(answer)
            raise RedisUnavailable(self.error) from answer

    def _open_client(self) -> Any:
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
                protocol=2,
                driver_info=None,
            )
        return self._client

    def _set_state(self, *, up: bool) -> None:
        lasted = self._clock.monotonic() - self._since
        self._since = self._clock.monotonic()
        self._up = up
        if not up:
            self._outages += 1
            self._say_away(lasted)
        elif self._known and not self._back_unsaid:
            self._say_back()
        self._known = True
        for changed in self._listeners:
            changed(up)

    def _say_away(self, lasted: float) -> None:
        """Say that it went, `lasted` seconds after it came; nothing when it is the outage that was said, going on."""
        now = self._clock.monotonic()
        is_same = self._error == self._said and lasted < _BRIEF_SECONDS
        self._back_unsaid = is_same and now - self._said_at < _SAY_AGAIN_SECONDS
        if not self._back_unsaid:
            self._said, self._said_at = self._error, now
            log.warning("redis is away, going on in memory", detail=self._error)

    def _say_back(self) -> None:
        self._back_unsaid = False
        log.info("redis is back", away_seconds=round(self._since - self._said_at, 3))


def _lane_of(packed: Sequence[bytes]) -> str:
    """Return the connection for commands: those with so many bytes that others should not wait behind them have one."""
    return _LARGE if sum(map(len, packed)) > _LARGE_BYTES else _SMALL


def _is_unfit(answer: Exception, *, may_lack_room: bool) -> bool:
    # What a command in a script was refused for, older servers tell at the end of their line about the script.
    code = f"{answer}".rpartition(": -")[2].partition(" ")[0]
    return code in _UNFIT or _SCRIPT_DENIED in f"{answer}" or (not may_lack_room and code == _NO_ROOM)


def is_missing_script(answer: object) -> bool:
    """Return whether a server refused a script because it does not know it (any more)."""
    return isinstance(answer, Exception) and "NOSCRIPT" in f"{type(answer).__name__} {answer}".upper()


def _describe(error: Exception) -> str:
    return mask_urls(f"{error}".strip()) or type(error).__name__
