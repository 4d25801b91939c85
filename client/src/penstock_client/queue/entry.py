"""One message in the queue."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A message that waits.

    `id` is its idempotency key, fixed when it was added; `number` rises by one with each message of the queue;
    `refused` is empty, or why the gateway will never take it as it is.
    """

    number: int
    message: Mapping[str, Any] = field(hash=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    refused: str = ""

    @property
    def conversation(self) -> str:
        """The conversation within which order is kept."""
        return str(self.message.get("conversation_id") or "")

    def as_json(self) -> dict[str, Any]:
        """Return the entry as it is kept."""
        return asdict(self)
