"""The offline queue: what is said without a gateway is kept, encrypted, and sent once, in order."""

from penstock_client.queue.entry import QueueEntry
from penstock_client.queue.flush import FlushReport
from penstock_client.queue.key import GivenKey, KeyFile, KeySource, SystemKeyStore
from penstock_client.queue.local_cache import LocalCache
from penstock_client.queue.metrics import register_size_gauge
from penstock_client.queue.offline_queue import OfflineQueue

__all__ = [
    "FlushReport",
    "GivenKey",
    "KeyFile",
    "KeySource",
    "LocalCache",
    "OfflineQueue",
    "QueueEntry",
    "SystemKeyStore",
    "register_size_gauge",
]
