"""The small form of the queue, for programs that only keep and list messages."""

import os
from collections.abc import Mapping
from typing import Any

from penstock_client.queue.offline_queue import OfflineQueue


class LocalCache:
    """Keeps messages on this machine until they can be sent. See :class:`OfflineQueue`, which does the work."""

    def __init__(
        self,
        cache_dir: str | os.PathLike[str],
        encryption_key: bytes | str | None = None,
        max_queue_size: int = 1000,
    ) -> None:
        self.queue = OfflineQueue(cache_dir, encryption_key=encryption_key, max_queue_size=max_queue_size)

    def add_to_offline_queue(self, message: Mapping[str, Any]) -> str:
        """Keep a message; of a full queue the oldest is dropped, with a warning. Returns its id in the queue."""
        return self.queue.add_message(message).id

    def get_offline_queue(self) -> list[dict[str, Any]]:
        """Return what waits, oldest first: each with its ``message``, its queue ``id`` and its ``timestamp``."""
        return [
            {"id": entry.id, "message": dict(entry.message), "timestamp": entry.time} for entry in self.queue.entries()
        ]

    def clear_offline_queue(self) -> int:
        """Take everything out; return how many that were."""
        return self.queue.clear()
