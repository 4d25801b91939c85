"""Storing messages of a broker: batches in one transaction, none of which a bad message holds up."""

import asyncio
from collections.abc import Sequence
from typing import Final

from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.ingest.ingestion import MAX_DEVICES
from feature_service.domain.ingest.message import BatchReport, Message, ReceiptJournal, RefusedMessage
from feature_service.domain.ingest.message_reading import MessagePlan, MessageReading
from feature_service.domain.ingest.point_storage import PointStorage
from feature_service.domain.ingest.registration_allowance import RegistrationAllowance
from feature_service.domain.ingest.rejection import Rejections
from penstock_kit.errors import ErrorKind, PayloadTooLarge, PenstockError

# What is wrong with the store or the machine, not with a message: the batch waits and is stored later.
_PASSING: Final = frozenset(
    {
        ErrorKind.ABORTED,
        ErrorKind.CANCELLED,
        ErrorKind.DEADLINE_EXCEEDED,
        ErrorKind.INTERNAL,
        ErrorKind.RESOURCE_EXHAUSTED,
        ErrorKind.UNAVAILABLE,
    }
)

# Refused rows that are kept with their reason until each message's first is known.
_MOST_LISTED: Final = 1_000_000


class MessageIngestion:
    """Stores the rows of messages for one tenant. A batch that a message of it spoils is stored in halves."""

    def __init__(
        self,
        *,
        storage: PointStorage,
        plan: MessagePlan,
        tenant_id: str,
        counts: IngestCounts,
        journal: ReceiptJournal,
        allowance: RegistrationAllowance,
    ) -> None:
        self._storage = storage
        self._plan = plan
        self._tenant_id = tenant_id
        self._counts = counts
        self._journal = journal
        self._allowance = allowance

    async def store(self, messages: Sequence[Message], *, isolate: bool = False) -> BatchReport:
        """Store what can be and return who was refused. What is stored is durable; storing it again changes nothing.

        Raises PenstockError when the store can't take anything now: try again. With `isolate` a message that fails in
        a way that nobody foresaw is refused, too.
        """
        try:
            return await self._store(messages)
        except PenstockError as error:
            if error.kind in _PASSING:
                raise
            reason = error.message
        except Exception:
            if not isolate:
                raise
            reason = "an internal error; the log has it"
        if len(messages) == 1:
            return BatchReport(refused=(RefusedMessage(place=0, reason=reason),))
        half = len(messages) // 2
        first = await self.store(messages[:half], isolate=isolate)
        return _joined(first, await self.store(messages[half:], isolate=isolate), half)

    async def _store(self, messages: Sequence[Message]) -> BatchReport:
        rejections = Rejections(most=_MOST_LISTED)
        reading = MessageReading(self._plan, rejections)
        await asyncio.to_thread(_read_all, reading, messages)
        if len(reading.devices) > MAX_DEVICES and len(messages) > 1:
            raise PayloadTooLarge(
                f"the messages are of more than {MAX_DEVICES} devices", reason="DEVICES_LIMIT_EXCEEDED"
            )
        if reading.untimed:
            await asyncio.to_thread(self._journal.keep, [messages[place] for place in reading.untimed])
        report = await self._storage.store(self._tenant_id, reading.devices, rejections, allowance=self._allowance)
        self._counts.count(self._tenant_id, report)
        first: dict[int, str] = {}
        for refused in rejections.listed:
            first.setdefault(refused.line, refused.reason)
        return BatchReport(
            rows=report.accepted,
            merged=report.merged,
            refused=tuple(RefusedMessage(place=place, reason=reason) for place, reason in sorted(first.items())),
            ignored=tuple(reading.ignored),
        )


def _read_all(reading: MessageReading, messages: Sequence[Message]) -> None:
    for place, message in enumerate(messages):
        reading.read(place, message)


def _joined(first: BatchReport, second: BatchReport, before: int) -> BatchReport:
    return BatchReport(
        rows=first.rows + second.rows,
        merged=first.merged + second.merged,
        refused=(
            *first.refused,
            *(RefusedMessage(place=each.place + before, reason=each.reason) for each in second.refused),
        ),
        ignored=(*first.ignored, *(place + before for place in second.ignored)),
    )
