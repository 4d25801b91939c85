"""The queue itself: bounded, encrypted, shared by processes, sent in order and once."""

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from penstock_client._call import plain
from penstock_client.errors import QueueError
from penstock_client.queue.disk import Disk, SystemDisk, replace_file, writing
from penstock_client.queue.entry import QueueEntry
from penstock_client.queue.file_format import QueueFormat
from penstock_client.queue.flush import FlushReport, flush, flush_async
from penstock_client.queue.key import GivenKey, KeyFile, KeySource
from penstock_client.queue.lock import FileLock
from penstock_client.queue.safe_file import check_folder

if TYPE_CHECKING:
    from penstock_client._async.client import AsyncPenstock
    from penstock_client._sync.client import Penstock

log = logging.getLogger("penstock_client.queue")

_NEARLY_FULL: Final = 0.8
_LARGEST: Final = 1024 * 1024


class OfflineQueue:
    """Messages that wait for a gateway, in the folder `folder`.

    Every change is on the disk when the call returns, and a crash at any moment leaves the queue as it was before or
    after it. At most `max_queue_size` messages wait; the oldest makes room, with a warning; so has a queue that is four
    fifths full. Any number of threads and processes may share the folder. The key is `encryption_key` (32 bytes, base64
    or a passphrase), else what `key_source` gives, else a file in the folder. A file that is damaged is set aside under
    another name and said; what can be read of it stays. Raises QueueError for a key that is not the queue's, for a
    folder that others could change (a link, another user's, or one that they may write to), and when a change can't be
    written, as on a full disk: the queue is then as it was.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        encryption_key: bytes | str | None = None,
        key_source: KeySource | None = None,
        max_queue_size: int = 1000,
        disk: Disk | None = None,
    ) -> None:
        if max_queue_size < 1:
            raise ValueError(f"max_queue_size is at least 1; given: {max_queue_size}")
        self._folder = Path(folder).expanduser()
        _prepare(self._folder)
        self._file = self._folder / "offline_queue.bin"
        self._in_flight_file = self._folder / "offline_queue.in-flight"
        self._lock = FileLock(self._folder / "offline_queue.lock")
        self._flushing = FileLock(self._folder / "offline_queue.flush-lock")
        self._most = max_queue_size
        self._disk = disk or SystemDisk()
        self._source = _source(self._folder, encryption_key, key_source)
        self._warned_at = 0
        with self._lock.hold():
            self._format = QueueFormat(self._key())
            self._read()

    def __len__(self) -> int:
        return len(self.entries())

    @property
    def max_queue_size(self) -> int:
        """How many messages may wait."""
        return self._most

    def add(self, conversation_id: str, content: str, **options: Any) -> QueueEntry:
        """Queue a question; `options` are those of ``conversations.ask``. An empty id: a conversation of its own."""
        return self.add_message({"conversation_id": conversation_id, "content": content, **options})

    def add_message(self, message: Mapping[str, Any]) -> QueueEntry:
        """Queue any JSON object. Raises ValueError when it is none, or larger than 1 MiB."""
        kept = _checked(message)
        with self._changing() as entries:
            entry = QueueEntry(number=entries[-1].number + 1 if entries else self._first_number(), message=kept)
            entries.append(entry)
            self._make_room(entries)
        self._warn_when_nearly_full(len(entries))
        return entry

    def entries(self) -> Sequence[QueueEntry]:
        """Return what waits, oldest first."""
        with self._lock.hold():
            return self._read()

    def refused(self) -> Sequence[QueueEntry]:
        """Return the messages that a gateway will never take as they are; each holds up its conversation alone."""
        return [entry for entry in self.entries() if entry.refused]

    def retry(self, entry_id: str) -> bool:
        """Let a refused message be sent again; return whether it was there."""
        return self._change(entry_id, lambda entry: replace(entry, refused=""))

    def discard(self, entry_id: str) -> bool:
        """Take a message out for good; return whether it was there."""
        return self._change(entry_id, lambda entry: None)

    def clear(self) -> int:
        """Take everything out; return how many that were."""
        with self._changing() as entries:
            count = len(entries)
            entries.clear()
        return count

    async def flush_async(self, client: "AsyncPenstock") -> FlushReport:
        """Do what :meth:`flush` does, with the asynchronous client; the disk is waited for in a thread.

        A flush that is cancelled leaves the message that was being sent in the queue, to be sent again with its key.
        """
        return await flush_async(self, client)

    def flush(self, client: "Penstock") -> FlushReport:
        """Send what waits, in order within each conversation, each message once; return what became of them.

        Never raises for what a gateway says: the report tells. Of several flushes at once one works, the others return.
        """
        return flush(self, client)

    @contextmanager
    def flush_turn(self) -> Generator[bool]:
        """Hold the right to send; yields False when another thread or process has it."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._flushing.hold(seconds=0.0))
            except QueueError:
                yield False
                return
            yield True
            with contextlib.suppress(OSError):
                self._in_flight_file.unlink(missing_ok=True)

    def mark_in_flight(self, entry_id: str) -> None:
        """Say which message is being sent, so that it is not the one to make room."""
        with writing(self._in_flight_file):
            self._disk.write(self._in_flight_file, entry_id.encode("ascii"))

    def mark_refused(self, entry_id: str, why: str) -> None:
        """Set a message aside with the reason."""
        self._change(entry_id, lambda entry: replace(entry, refused=why or "refused"))

    def _change(self, entry_id: str, change: Callable[[QueueEntry], QueueEntry | None]) -> bool:
        with self._changing() as entries:
            places = [place for place, entry in enumerate(entries) if entry.id == entry_id]
            for place in places:
                changed = change(entries[place])
                entries[place : place + 1] = [changed] if changed is not None else []
        return bool(places)

    @contextmanager
    def _changing(self) -> Generator[list[QueueEntry]]:
        with self._lock.hold():
            before = self._read()
            entries = list(before)
            yield entries
            if tuple(entries) != tuple(before):
                replace_file(self._disk, self._file, self._format.encode(entries))

    def _read(self) -> Sequence[QueueEntry]:
        data = self._disk.read(self._file)
        if data is None:
            return ()
        reading = self._format.decode(data)
        if reading.damage:
            self._set_aside(data, reading.damage)
            replace_file(self._disk, self._file, self._format.encode(reading.entries))
        return reading.entries

    def _set_aside(self, data: bytes, damage: str) -> None:
        aside = self._file.with_name(f"{self._file.name}.damaged-{time.time_ns()}")
        replace_file(self._disk, aside, data)
        log.warning("the offline queue was damaged (%s); the file as it was is kept as %s", damage, aside)

    def _make_room(self, entries: list[QueueEntry]) -> None:
        if len(entries) <= self._most:
            return
        sending = self._in_flight()
        dropped = 0
        for entry in [entry for entry in entries[:-1] if entry.id != sending]:
            if len(entries) <= self._most:
                break
            entries.remove(entry)
            dropped += 1
        log.warning("the offline queue is full (%d): %d of its oldest messages dropped", self._most, dropped)

    def _warn_when_nearly_full(self, size: int) -> None:
        nearly = size >= self._most * _NEARLY_FULL
        if nearly and not self._warned_at:
            log.warning("the offline queue is %d %% full (%d of %d)", size * 100 // self._most, size, self._most)
        self._warned_at = size if nearly else 0

    def _in_flight(self) -> str:
        if not self._flushing.is_held():
            return ""
        try:
            return (self._disk.read(self._in_flight_file) or b"").decode("ascii")
        except (OSError, QueueError, UnicodeDecodeError):
            return ""

    def _first_number(self) -> int:
        return time.time_ns() // 1_000_000  # rises over queues that were empty in between

    def _key(self) -> bytes:
        key = self._source.load()
        if key is not None:
            return key
        if self._disk.read(self._file) is not None and self._holds_messages():
            raise QueueError(f"the key of the offline queue in {self._folder} is gone; without it nothing can be read")
        return self._source.create()

    def _holds_messages(self) -> bool:
        return len(self._disk.read(self._file) or b"") > len(QueueFormat(bytes(32)).encode(()))


def _source(folder: Path, key: bytes | str | None, source: KeySource | None) -> KeySource:
    if key is not None:
        return GivenKey(key)
    return source or KeyFile(folder / "offline_queue.key", follow_links=False)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise QueueError(f"the offline queue's folder {folder} can't be made: {error}") from error
    check_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise QueueError(f"the offline queue's folder {folder} can't be written to")


def _checked(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return `message` as JSON gives it back, so that what is sent later is what was meant now."""
    if not isinstance(message, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may have no types
        raise ValueError(
            f"a queued message is a JSON object such as {{'content': …}}; this one is of {type(message).__name__}"
        )
    try:
        text = json.dumps(plain(message, keep_none=True), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a queued message is a JSON object; this one is not: {error}") from error
    if len(text) > _LARGEST:
        raise ValueError(f"a queued message has at most 1 MiB; this one has {len(text)} bytes")
    return json.loads(text)
