"""Streams in Redis: the commands that write and read them, and what their answers mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chat_stream_service.adapters.redis.codec import (
    events_from_bytes,
    events_to_bytes,
    fold_from_bytes,
    fold_to_bytes,
    header_from_bytes,
    header_to_bytes,
)
from chat_stream_service.adapters.redis.script import ANNOUNCE, APPEND, CLAIM, OPEN, TRIM
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, Status, outcome_of
from chat_stream_service.domain.model.event_log import StreamHeader, StreamState
from penstock_kit.redis.answer import entries_of, mapping_of
from penstock_kit.redis.connection import Command
from penstock_kit.redis.link import RedisLink, is_missing_script
from penstock_kit.redis.script import Script

PREFIX: Final = "penstock:chat:"
_STREAM: Final = f"{PREFIX}stream:"
_PAGE: Final = 200
_SCRIPTS: Final = (OPEN, APPEND, TRIM, CLAIM, ANNOUNCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptReply:
    """What a script said of a stream: a word, and the last sequence Redis has.

    `running` is the stream that runs in the conversation, when that is another one.
    """

    word: str
    last: int = 0
    header: StreamHeader | None = None
    running: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedEvents:
    """A stream, or the part after a sequence: the fold up to `base`, and events that follow."""

    state: StreamState
    base: int
    fold: CompleteState
    events: Sequence[ChatEvent]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """What a stream has lost at its beginning: everything up to `base`, folded."""

    base: int
    fold: CompleteState


class StreamStore:
    """Writes as one replica, reads everybody's. Raises RedisUnavailable when Redis does not answer."""

    def __init__(self, link: RedisLink, *, replica: str, running_seconds: float, ended_seconds: float) -> None:
        self._link = link
        self._replica = replica
        self._running_ms = int(running_seconds * 1000)
        self._ended_ms = max(1, int(ended_seconds * 1000))

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands; a server that has lost its scripts is given them again."""
        answers = await self._link.run(commands)
        if any(is_missing_script(answer) for answer in answers):
            await self._link.run([("SCRIPT", "LOAD", script.text) for script in _SCRIPTS])
            answers = [
                (await self._link.run([command]))[0] if is_missing_script(answer) else answer
                for command, answer in zip(commands, answers, strict=True)
            ]
        return answers

    def open_command(self, header: StreamHeader, *, status: Status, trim: Trim, is_new: bool) -> Command:
        """Return the command that begins a stream of this replica, or takes it up again, after `trim`.

        One that `is_new` gives way to the stream of the same request, and to one that runs in its conversation.
        """
        keys = (
            _stream(header.stream_id),
            _events(header.stream_id),
            _conversation(header.conversation_id),
            f"{PREFIX}request:{header.conversation_id}:{header.request_id}",
            owned_key(self._replica),
        )
        fold = fold_to_bytes(trim.fold) if trim.base else b""
        new, asked = "1" if is_new else "0", "1" if header.request_id else "0"
        values = (header_to_bytes(header), self._replica, self._running_ms, new, trim.base, fold, status.value)
        return call(OPEN, keys, (header.stream_id, *values, _STREAM, asked))

    def append_command(self, header: StreamHeader, events: Sequence[ChatEvent]) -> Command:
        """Return the command that appends events of one stream."""
        status = outcome_of(events[-1].body)
        keys = (
            _stream(header.stream_id),
            _events(header.stream_id),
            _conversation(header.conversation_id),
            owned_key(self._replica),
        )
        values = (
            header.stream_id,
            self._replica,
            events[0].sequence,
            events[-1].sequence,
            status.value,
            self._running_ms if status is Status.RUNNING else self._ended_ms,
            events_to_bytes(events),
            channel_of(header.stream_id),
        )
        return call(APPEND, keys, values)

    def trim_command(self, stream_id: str, trim: Trim) -> Command:
        """Return the command that drops the beginning of a stream."""
        keys = (_stream(stream_id), _events(stream_id))
        return call(TRIM, keys, (self._replica, trim.base, fold_to_bytes(trim.fold)))

    async def describe(self, stream_id: str) -> StreamState | None:
        """Return a stream's state, None when Redis does not hold it."""
        (fields,) = await self.run([("HMGET", _stream(stream_id), "header", "status", "last", "base")])
        return None if fields[0] is None else _state(fields)

    async def load(self, stream_id: str, *, after: int) -> LoadedEvents | None:
        """Return what follows a sequence, from the fold on when it was trimmed away; None for an unknown stream.

        A long stream comes in parts: while `complete` is false there is more.
        """
        state = ("HMGET", _stream(stream_id), "header", "status", "last", "base", "snapshot")
        entries = ("XRANGE", _events(stream_id), f"{after + 1}-0", "+", "COUNT", _PAGE)
        fields, found = await self._link.run([state, entries], transaction=True)
        if fields[0] is None:
            return None
        known = _state(fields)
        events = [event for _, entry in entries_of(found) for event in events_from_bytes(entry[b"e"], known.header)]
        base = int(fields[3])
        return LoadedEvents(
            state=known,
            base=base,
            fold=fold_from_bytes(fields[4]),
            events=[event for event in events if event.sequence > max(after, base)],
            complete=len(found) < _PAGE,
        )

    async def active(self, conversation_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the newest running stream of each conversation that has one; ids are ordered by time."""
        asked = list(dict.fromkeys(conversation_ids))
        found = await self.run([("HGETALL", _conversation(item)) for item in asked]) if asked else []
        running = {
            item: max((stream for stream, status in mapping_of(streams).items() if status == b"running"), default=b"")
            for item, streams in zip(asked, found, strict=True)
        }
        return {item: stream.decode() for item, stream in running.items() if stream}

    async def drop(self, conversation_id: str) -> None:
        """Delete every stream of a conversation."""
        (streams,) = await self.run([("HKEYS", _conversation(conversation_id))])
        names = [name.decode() for name in streams]
        keys = [key for name in names for key in (_stream(name), _events(name))]
        await self.run([("DEL", *keys, _conversation(conversation_id))])

    async def list_owned(self, replica: str) -> Sequence[str]:
        """Return the running streams of a replica."""
        (members,) = await self.run([("SMEMBERS", owned_key(replica))])
        return sorted(member.decode() for member in members)

    async def claim(self, stream_id: str, *, dead: str) -> bool:
        """Take a running stream over from a dead replica; False when it has ended or is somebody else's."""
        keys = (_stream(stream_id), owned_key(dead), owned_key(self._replica))
        (claimed,) = await self.run([call(CLAIM, keys, (stream_id, dead, self._replica))])
        return bool(claimed)


def script_reply(reply: Any) -> ScriptReply:
    """Return what OPEN or APPEND replied."""
    word = reply[0].decode()
    if word == "known":
        return ScriptReply(word=word, header=header_from_bytes(reply[1]))
    if word == "busy":
        return ScriptReply(word=word, running=reply[1].decode())
    return ScriptReply(word=word, last=int(reply[1]))


def channel_of(stream_id: str) -> str:
    """Return the channel on which a stream's new events are published."""
    return f"{PREFIX}live:{stream_id}"


def owned_key(replica: str) -> str:
    """Return the key of the set of a replica's running streams."""
    return f"{PREFIX}owned:{replica}"


def call(script: Script, keys: Sequence[str], values: Sequence[Any]) -> Command:
    """Return the command that runs a script."""
    return ("EVALSHA", script.sha, len(keys), *keys, *values)


def _stream(stream_id: str) -> str:
    return _STREAM + stream_id


def _events(stream_id: str) -> str:
    return f"{PREFIX}events:{stream_id}"


def _conversation(conversation_id: str) -> str:
    return f"{PREFIX}conversation:{conversation_id}"


def _state(fields: Sequence[Any]) -> StreamState:
    return StreamState(
        header=header_from_bytes(fields[0]),
        status=Status(fields[1].decode()),
        first_sequence=int(fields[3]) + 1,
        last_sequence=int(fields[2]),
    )
