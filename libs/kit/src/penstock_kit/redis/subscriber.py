"""Listens to channels: any number of them over one connection."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from penstock_kit.logging import get_logger
from penstock_kit.redis.cancellation import propagate_cancellation
from penstock_kit.redis.link import RedisLink, RedisUnavailable

# Something is published every half second: so long a silence means that the connection is dead.
_SILENCE_SECONDS: Final = 2.5
_CONFIRM_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.1

log = get_logger(__name__)

OnMessage = Callable[[bytes], None]


class Subscriber:
    """Messages by channel. Between two connections messages are missed: `interrupted` callbacks say so."""

    def __init__(self, link: RedisLink, *, silence_seconds: float = _SILENCE_SECONDS) -> None:
        self._link = link
        self._silence_seconds = silence_seconds
        self._callbacks: dict[str, OnMessage] = {}
        self._confirmed: dict[str, asyncio.Future[None]] = {}
        self._on_interruption: list[Callable[[], None]] = []
        self._up = asyncio.Event()
        self._made = asyncio.Event()
        self._pubsub: Any = None
        self._is_denied = False
        link.listen(self._on_link_change)

    def on_interruption(self, callback: Callable[[], None]) -> None:
        """Call `callback` when messages may have been missed."""
        self._on_interruption.append(callback)

    def listen(self, channel: str, on_message: OnMessage) -> None:
        """Listen to a channel for good, from the next connection on; to be called before :meth:`run`."""
        self._callbacks[channel] = on_message

    async def subscribe(self, channel: str, on_message: OnMessage) -> None:
        """Listen to a channel; what is published after this returns is heard. Raises RedisUnavailable without Redis."""
        self._callbacks[channel] = on_message
        pubsub = await self._wait_for_connection()
        confirmed = self._confirmed.get(channel)
        if confirmed is None:
            confirmed = self._confirmed[channel] = asyncio.get_running_loop().create_future()
            await self._send(pubsub.subscribe, channel)
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await asyncio.shield(confirmed)
        except (TimeoutError, asyncio.CancelledError):
            if confirmed.cancelled() or not confirmed.done():
                self._confirmed.pop(channel, None)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            raise RedisUnavailable("a subscription was not confirmed") from None

    async def unsubscribe(self, channel: str) -> None:
        """Stop listening to a channel."""
        if self._callbacks.pop(channel, None) is not None and self._confirmed.pop(channel, None) and self._pubsub:
            try:
                await self._send(self._pubsub.unsubscribe, channel)
            except RedisUnavailable:
                return

    async def run(self) -> None:
        """Listen until cancelled, over as many connections as it takes."""
        while True:
            await self._up.wait()
            try:
                await self._listen()
            except RedisUnavailable as error:
                self._tell_denied(error)
            except Exception:
                log.exception("listening failed")
            finally:
                await self._disconnect()
            await asyncio.sleep(_PAUSE_SECONDS)

    def _tell_denied(self, error: RedisUnavailable) -> None:
        """Say once that the user may not listen: everything else goes on, and nothing else would tell."""
        from redis.exceptions import NoPermissionError

        if isinstance(error.__cause__, NoPermissionError) and not self._is_denied:
            self._is_denied = True
            log.warning(
                "the user of redis may not listen to other replicas", channels=[*self._callbacks], detail=f"{error}"
            )

    async def _wait_for_connection(self) -> Any:
        """Return the connection, after waiting for it while it is made."""
        if self._pubsub is None and not self._link.up:
            raise RedisUnavailable(self._link.error)
        try:
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await self._made.wait()
        except TimeoutError:
            raise RedisUnavailable("not connected yet") from None
        if self._pubsub is None:
            raise RedisUnavailable("the connection is gone again")
        return self._pubsub

    async def _listen(self) -> None:
        pubsub = self._link.pubsub()
        channels = tuple(self._callbacks)
        loop = asyncio.get_running_loop()
        confirmed = {channel: loop.create_future() for channel in channels}
        try:
            # Only this task may open the connection: two at once would make two, and listen to one.
            await self._send(pubsub.subscribe, *channels)
        except BaseException:
            await self._send(pubsub.aclose)
            raise
        self._pubsub, self._confirmed = pubsub, confirmed
        self._made.set()
        while True:
            message = await self._send(pubsub.get_message, timeout=self._silence_seconds)
            if message is None:
                raise RedisUnavailable("nothing heard on the channels")
            self._dispatch(message)

    def _dispatch(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "subscribe":
            self._is_denied = False
            confirmed = self._confirmed.get(channel)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)
        elif message["type"] == "message" and (heard := self._callbacks.get(channel)) is not None:
            heard(message["data"])

    async def _disconnect(self) -> None:
        self._made.clear()
        pubsub, self._pubsub = self._pubsub, None
        confirmed, self._confirmed = self._confirmed, {}
        for waiting in confirmed.values():
            waiting.cancel()
        for missed in self._on_interruption:
            missed()
        if pubsub is not None:
            try:
                await self._send(pubsub.aclose)
            except RedisUnavailable:
                return

    async def _send(self, action: Any, *arguments: Any, **named: Any) -> Any:
        """Do something with the connection; whatever goes wrong with it is RedisUnavailable."""
        from redis.exceptions import RedisError

        try:
            with propagate_cancellation():
                return await action(*arguments, **named)
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisUnavailable(f"{error}") from error

    def _on_link_change(self, up: bool) -> None:
        if up:
            self._up.set()
        else:
            self._up.clear()
