"""A message of a broker as it came, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from feature_service.domain.ingest.topic_pattern import Origin


class PayloadFormat(StrEnum):
    """How payloads are written; AUTO: those that begin with ``{`` or ``[`` are JSON, others line protocol."""

    AUTO = "auto"
    JSON = "json"
    LINE_PROTOCOL = "line_protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message. `time`, in microseconds since the epoch, is that of what has none itself.

    `retained`: the broker kept it and gave it to a new subscriber; `size` is that of the payload in bytes, of which
    little was kept when it is too large. `misfit` says what is wrong with the topic, empty for nothing: then it has no
    origin, and its rows are nobody's. `receipt` tells it from others when the broker gives it a second time; empty:
    it does not.
    """

    topic: str
    origin: Origin
    payload: bytes
    time: int
    size: int
    retained: bool = False
    receipt: str = ""
    misfit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMessage:
    """A message none or not all of whose rows could be stored, by its place in the batch, and why."""

    place: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What became of a batch of messages: rows stored, rows that overwrote one of the batch, who was refused.

    `ignored` are the places of messages that are no readings: retained ones without a time of their own.
    """

    rows: int = 0
    merged: int = 0
    refused: tuple[RefusedMessage, ...] = ()
    ignored: tuple[int, ...] = ()


class ReceiptJournal(Protocol):
    """Remembers when messages without a time of their own came, so that one that comes again has the same time."""

    def keep(self, messages: Sequence[Message]) -> None:
        """Write the times down, durably, before the rows are stored. It may block."""
        ...
