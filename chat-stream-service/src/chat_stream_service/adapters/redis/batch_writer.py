"""Brings what this replica writes to Redis: all streams together, one round trip after the other."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from chat_stream_service.adapters.redis.shared_stream import SharedStream
from chat_stream_service.adapters.redis.stream_store import ScriptReply, StreamStore, script_reply
from chat_stream_service.domain.model.event import Status
from penstock_kit.logging import get_logger
from penstock_kit.redis.connection import Command
from penstock_kit.redis.link import RedisUnavailable

# Events of one stream in one entry at most.
_MAX_EVENTS: Final = 256

log = get_logger(__name__)


class BatchWriter:
    """Group commit: while one round trip is under way, whatever is written waits for the next one.

    `show` is called with a stream and the sequence up to which Redis has it.
    """

    def __init__(self, store: StreamStore, *, on_written: Callable[[SharedStream, int], None]) -> None:
        self._store = store
        self._on_written = on_written
        self._waiting: dict[str, SharedStream] = {}
        self._wanted = asyncio.Event()

    def schedule(self, stream: SharedStream) -> None:
        """Ship what a stream has, soon."""
        self._waiting[stream.stream_id] = stream
        self._wanted.set()

    async def run(self) -> None:
        """Ship until cancelled. What Redis does not take is marked again by whoever notices that it is back."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            streams, self._waiting = tuple(self._waiting.values()), {}
            try:
                await self._write(streams)
            except RedisUnavailable:
                continue
            except Exception:
                log.exception("shipping failed, these streams stay on this replica", streams=len(streams))
                for stream in streams:
                    stream.diverged = True
                    self._on_written(stream, stream.accepted)

    async def _write(self, streams: Sequence[SharedStream]) -> None:
        commands: list[Command] = []
        askers: list[SharedStream] = []
        for stream in streams:
            if stream.needs_writing:
                made = self._commands(stream)
                commands += made
                askers += [stream] * len(made)
        if not commands:
            return
        replies = await self._store.run(commands)
        for stream, reply in zip(askers, replies, strict=True):
            self._apply_reply(stream, script_reply(reply))
        for stream in set(askers):
            if stream.needs_writing:
                self.schedule(stream)

    def _commands(self, stream: SharedStream) -> list[Command]:
        """Return the next commands of a stream. One that was known before is only taken up: its answer says where."""
        header = stream.memory.header
        opening = stream.needs_opening
        commands: list[Command] = []
        if opening:
            commands.append(self._store.open_command(header, status=Status.RUNNING, trim=stream.trim(), is_new=False))
        elif stream.needs_trimming:
            commands.append(self._store.trim_command(stream.stream_id, stream.trim()))
        events = () if opening and stream.memory.last else stream.unwritten(_MAX_EVENTS)
        if events:
            commands.append(self._store.append_command(header, events))
        return commands

    def _apply_reply(self, stream: SharedStream, answer: ScriptReply) -> None:
        match answer.word:
            case "unknown":
                stream.written = None
            case "fenced":
                if not stream.taken_over and not stream.diverged:
                    stream.on_taken_over(answer.last)
                    log.warning("stream taken over by another replica", stream_id=stream.stream_id)
                self._on_written(stream, stream.accepted if stream.diverged else stream.memory.last)
            case _:
                stream.written = answer.last
                self._on_written(stream, answer.last)
