"""Takes the messages of a broker in: batches, stored, then acknowledged."""

import asyncio
import contextlib
import json
import threading
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feature_service.adapters.mqtt.client import BrokerClient, BrokerLogin, Delivery
from feature_service.adapters.mqtt.journal import FileReceiptJournal
from feature_service.adapters.mqtt.refusal_log import RefusalLog
from feature_service.domain.ingest.lost_messages import Loss, LostMessages
from feature_service.domain.ingest.message import BatchReport, Message
from feature_service.domain.ingest.message_ingestion import MessageIngestion
from feature_service.domain.ingest.topic_pattern import Origin, TopicPattern, origin_of
from feature_service.domain.model.span import micros_of
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, PenstockError, Unavailable
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

_BATCH: Final = 5_000
# Bytes of messages that wait; beyond, nothing more is read from the broker.
_MOST_BYTES: Final = 64 * 1024 * 1024
_BATCH_BYTES: Final = 16 * 1024 * 1024
# Messages without acknowledgement (QoS 0) that wait; more are dropped, and counted.
_MOST_UNASKED: Final = 20_000
_LINGER_SECONDS: Final = 0.02
_LONGEST_PAUSE: Final = 10.0
_DRAIN_SECONDS: Final = 10.0
# What the broker still has for a replica that leaves is given to it within that time.
_LEAVE_SECONDS: Final = 0.5
# Between two times that lost messages are written down.
_LOSSES_SECONDS: Final = 1.0
# Failures that nobody foresaw before each message of the batch is stored by itself.
_UNFORESEEN: Final = 3

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePlan:
    """What is subscribed to, in which share group (empty: none), and where the intake keeps its files.

    `leaves`: at the end this replica goes for good: it gives its part of the group away and ends its session.
    """

    patterns: tuple[TopicPattern, ...]
    share_group: str
    folder: Path
    max_bytes: int
    leaves: bool = False
    drops_topic: str = ""

    @property
    def filters(self) -> tuple[str, ...]:
        """What the broker is asked for."""
        prefix = f"$share/{self.share_group}/" if self.share_group else ""
        return tuple(dict.fromkeys(f"{prefix}{pattern.filter}" for pattern in self.patterns))


class MqttIntake:
    """Receives on the client's thread, stores on the event loop, acknowledges what is durable, in order."""

    def __init__(
        self,
        *,
        plan: IntakePlan,
        login: BrokerLogin,
        ingestion: MessageIngestion,
        journal: FileReceiptJournal,
        losses: LostMessages,
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._login = login
        self._ingestion = ingestion
        self._journal = journal
        self._losses = losses
        self._clock = clock
        self._room = threading.Condition()
        self._waiting: deque[tuple[Delivery, Message]] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._pending: dict[str, int] = {}
        self._last_time = 0
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: BrokerClient | None = None
        self._store_trouble = ""
        self.refusals = RefusalLog(plan.folder / "refused.ndjson", clock.monotonic)
        self.counts: Counter[str] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Take messages in while the block runs; at its end, what was received is stored and acknowledged first."""
        self._loop = asyncio.get_running_loop()
        client = self._client = BrokerClient(
            self._login,
            filters=self._plan.filters,
            dropped_filters=self._dropped_filters,
            on_delivery=self._receive,
            on_lost=self._forget,
            max_bytes=self._plan.max_bytes,
            drops_topic=self._plan.drops_topic,
            on_drops=self._losses.note_broker,
        )
        client.start()
        storing = asyncio.create_task(supervise("messages", self._store_all))
        counting = asyncio.create_task(supervise("lost messages", self._write_losses))
        try:
            yield
        finally:
            await self._drain(client)
            for task in (storing, counting):
                task.cancel()
            await asyncio.wait([storing, counting])
            await asyncio.to_thread(client.stop, end_session=self._plan.leaves)
            with contextlib.suppress(PenstockError):
                await self._losses.write()

    @property
    def is_connected(self) -> bool:
        """Whether messages come."""
        return self._client is not None and self._client.is_ready

    @property
    def refused_by_pattern(self) -> Mapping[str, int]:
        """Refused messages by pattern of topics."""
        return self.refusals.counts

    @property
    def lost(self) -> Mapping[str, int] | None:
        """Messages ever lost, of all replicas by how; None while that is not known."""
        totals = self._losses.totals
        return None if totals is None else {loss.value: count for loss, count in totals.items()}

    @property
    def waiting(self) -> int:
        """Messages that were received and are not stored yet."""
        return len(self._waiting)

    async def ping(self) -> None:
        """Raise Unavailable BROKER_UNAVAILABLE when no messages come, or they can't be stored."""
        why = self._store_trouble or (self._client.trouble if self._client is not None else "not started")
        if why:
            raise Unavailable(f"{self._login.address}: {why}", reason="BROKER_UNAVAILABLE")

    def _receive(self, delivery: Delivery) -> None:
        """Put a message in the queue; called on the client's thread, and blocks while too many bytes wait."""
        with self._room:
            while self._bytes > _MOST_BYTES and not self._closing:
                self._room.wait(1.0)
            if self._closing:
                return  # it is not acknowledged, so it comes again
            if not delivery.packet and len(self._waiting) >= _MOST_UNASKED:
                self.counts["dropped"] += 1
                self._losses.note(Loss.OVERFLOWED)
                return
            receipt = delivery.receipt
            origin, misfit = self._origin(delivery.topic)
            message = Message(
                topic=delivery.topic,
                origin=origin,
                payload=delivery.payload,
                time=self._time_of(receipt, again=delivery.again),
                size=delivery.size,
                retained=delivery.retained,
                receipt=receipt,
                misfit=misfit,
            )
            if receipt:
                self._pending[receipt] = message.time
            self._waiting.append((delivery, message))
            self._bytes += delivery.kept_bytes
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._arrived.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._arrived.set)

    def _time_of(self, receipt: str, *, again: bool) -> int:
        """The time of a message without one; no two of this replica have the same, however fast they come."""
        if again and receipt:
            known = self._pending.get(receipt) or self._journal.time_of(receipt)
            if known is not None:
                return known
        self._last_time = max(self._last_time + 1, micros_of(self._clock.now()))
        return self._last_time

    def _origin(self, topic: str) -> tuple[Origin, str]:
        """What a topic says, and what is wrong with it, empty for nothing."""
        try:
            return origin_of(topic, self._plan.patterns), ""
        except InvalidArgument as error:
            return Origin(), error.message

    def _forget(self) -> None:
        """Leave out what waits of a connection that is lost: the broker gives it again."""
        with self._room:
            kept = [each for each in self._waiting if not each[0].packet]
            for delivery, message in self._waiting:
                if delivery.packet:
                    self._pending.pop(message.receipt, None)
            self._waiting = deque(kept)
            self._bytes = sum(delivery.kept_bytes for delivery, _ in kept)
            self._room.notify_all()

    async def _write_losses(self) -> None:
        while True:
            with contextlib.suppress(PenstockError):  # the database is away: they are kept
                await self._losses.write()
            await asyncio.sleep(_LOSSES_SECONDS)

    async def _store_all(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_LINGER_SECONDS)
            self._arrived.clear()
            while batch := self._take():
                self._idle.clear()
                await self._store(batch)
            self._idle.set()

    def _take(self) -> list[tuple[Delivery, Message]]:
        batch: list[tuple[Delivery, Message]] = []
        with self._room:
            size = 0
            while self._waiting and len(batch) < _BATCH and size < _BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += batch[-1][0].kept_bytes
            self._bytes -= size
            self._room.notify_all()
        return batch

    async def _store(self, batch: Sequence[tuple[Delivery, Message]]) -> None:
        """Store a batch, however long the store is away, then acknowledge it."""
        messages = [message for _, message in batch]
        pause, unforeseen = 0.1, 0
        while True:
            try:
                report = await self._ingestion.store(messages, isolate=unforeseen >= _UNFORESEEN)
                break
            except PenstockError as error:
                self._note_trouble(error.message)
            except Exception as error:
                unforeseen += 1
                log.error("a batch of MQTT messages can't be stored", exc_info=error)
                self._note_trouble("an internal error; the log has it")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._store_trouble = ""
        await self._count(batch, report)
        assert self._client is not None
        self._client.acknowledge([delivery for delivery, _ in batch])
        for message in messages:
            self._pending.pop(message.receipt, None)

    def _note_trouble(self, why: str) -> None:
        if not self._store_trouble:
            log.warning("MQTT messages wait: the store can't take them", detail=why)
        self._store_trouble = f"messages wait, for the store can't take them: {why}"

    async def _count(self, batch: Sequence[tuple[Delivery, Message]], report: BatchReport) -> None:
        self.counts["stored"] += len(batch) - len(report.refused) - len(report.ignored)
        self.counts["refused"] += len(report.refused)
        self.counts["ignored"] += len(report.ignored)
        self.counts["rows"] += report.rows
        self.counts["overwritten"] += report.merged
        if report.refused:
            too_large = sum(batch[each.place][1].size > self._plan.max_bytes for each in report.refused)
            self._losses.note(Loss.TOO_LARGE, too_large)
            self._losses.note(Loss.REFUSED, len(report.refused) - too_large)
            entries = [(batch[each.place][1], each.reason) for each in report.refused]
            await asyncio.to_thread(
                self.refusals.add,
                [(self._pattern_of(message.topic), message.topic, message.payload, why) for message, why in entries],
            )

    def _pattern_of(self, topic: str) -> str:
        return next((str(pattern) for pattern in self._plan.patterns if pattern.has(topic)), "")

    async def _drain(self, client: BrokerClient) -> None:
        """Store what was received; a replica that leaves gives away its part of the group first."""
        if self._plan.leaves:
            client.unsubscribe()
            await asyncio.sleep(_LEAVE_SECONDS)
        self._closing = not self._plan.leaves
        with self._room:
            self._room.notify_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self._waiting or not self._idle.is_set():
                    self._arrived.set()
                    await self._idle.wait()
                    self._idle.clear()
                    self._arrived.set()
                    await self._idle.wait()
        self._closing = True

    def _dropped_filters(self) -> Sequence[str]:
        """The filters that an earlier start left in the session and that are no longer wanted."""
        path = self._plan.folder / "filters.json"
        wanted = [*self._plan.filters, *filter(None, [self._plan.drops_topic])]
        try:
            known: list[str] = json.loads(path.read_text())
        except (OSError, ValueError):
            known = []
        with contextlib.suppress(OSError):
            path.write_text(json.dumps(wanted))
        return [each for each in known if each not in wanted]
