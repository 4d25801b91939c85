"""Keeps the minutes in cache-service, so that they outlive this process and the other gateways can read them.

Each gateway writes only its own minutes, one value for each hour, under an id that is new with each start; a reader
adds up what all of them wrote. With Redis the values outlive cache-service too; without it they are lost with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from gateway.monitoring.minutes import KEPT_MINUTES, MinuteHistory, MinuteTotals, minute_from_json, minute_to_json

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub

_NAMESPACE: Final = "gateway:dashboard"
_REPLICAS: Final = f"{_NAMESPACE}:replicas"
_HOUR: Final = 60
_KEPT_SECONDS: Final = KEPT_MINUTES * 60 + 3600
_TIMEOUT_SECONDS: Final = 2.0
_MOST_REPLICAS: Final = 500
# Keys in one question.
_BATCH: Final = 200


class HistoryStore:
    """Reads and writes minutes at cache-service; raises its PenstockError while it is away.

    Workers of one machine are one gateway here: they count the same, and only the one that `writes` says does write.
    """

    def __init__(
        self, cache: "CacheServiceAsyncStub", replica: str, *, writes: Callable[[], bool] = lambda: True
    ) -> None:
        self._cache = cache
        self.replica = replica
        self._writes = writes
        self._read: set[str] = set()

    async def write(self, history: MinuteHistory, minute: int) -> None:
        """Write the own minutes of the hour of `minute`, and that this gateway is one of those that write."""
        if not self._writes():
            return
        hour = minute // _HOUR
        own = history.of_replica(self.replica, range(hour * _HOUR, minute + 1))
        await self._set(self._key(self.replica, hour), {str(at): minute_to_json(totals) for at, totals in own.items()})
        known = await self._replicas()
        living = {name: last for name, last in known.items() if last >= minute - KEPT_MINUTES}
        # Two that do this at the same time may drop each other's entry; the next minute brings it back.
        await self._set(_REPLICAS, living | {self.replica: minute})

    async def read(self, history: MinuteHistory, minute: int) -> None:
        """Put into `history` what the other gateways wrote: the whole day once, then the hours that still change."""
        last = minute // _HOUR
        for replica, until in (await self._replicas()).items():
            own = replica == self.replica and self._writes()
            if own or until < minute - KEPT_MINUTES:
                continue
            first = last - 1 if replica in self._read else last - KEPT_MINUTES // _HOUR
            for at, totals in (await self._hours(replica, range(first, last + 1))).items():
                history.put(at, replica, totals)
            self._read.add(replica)

    async def _hours(self, replica: str, hours: range) -> Mapping[int, MinuteTotals]:
        found = await self._get([self._key(replica, hour) for hour in hours])
        written = (orjson.loads(value) for value in found.values())
        return {int(at): minute_from_json(entry) for minutes in written for at, entry in minutes.items()}

    async def _replicas(self) -> Mapping[str, int]:
        value = (await self._get([_REPLICAS])).get(_REPLICAS)
        known: dict[str, int] = orjson.loads(value) if value else {}
        newest = sorted(known, key=lambda name: known[name], reverse=True)[:_MOST_REPLICAS]
        return {name: known[name] for name in newest}

    async def _get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for at in range(0, len(keys), _BATCH):
            request = pb.GetManyRequest(keys=keys[at : at + _BATCH], partition=pb.PARTITION_SHARED)
            response = await self._cache.GetMany(request, timeout=_TIMEOUT_SECONDS)
            found |= {entry.key: entry.value for entry in response.entries}
        return found

    async def _set(self, key: str, value: Mapping[str, Any]) -> None:
        entry = pb.Entry(key=key, value=orjson.dumps(value), ttl=Duration(seconds=_KEPT_SECONDS))
        await self._cache.Set(pb.SetRequest(entry=entry, partition=pb.PARTITION_SHARED), timeout=_TIMEOUT_SECONDS)

    def _key(self, replica: str, hour: int) -> str:
        return f"{_NAMESPACE}:{replica}:{hour}"
