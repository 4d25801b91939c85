"""What all workers of a machine have answered, for the dashboard and the rules of each of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.monitoring.minutes import minute_from_json, minute_to_json
from gateway.monitoring.traffic import RECENT, AnsweredRequest, Totals, Traffic
from gateway.workers.group import WorkerGroup
from gateway.workers.snapshot import SharedSnapshots


class TrafficView(Protocol):
    """Counts of answered requests: of one gateway, or of all workers of a machine."""

    def totals(self) -> Mapping[str, Totals]:
        """Return what was counted since the start, by tenant."""
        ...

    def recent(self, tenant_id: str | None) -> Sequence[AnsweredRequest]:
        """Return the last requests, the newest first: of one tenant, or of all with None."""
        ...


class MachineTraffic:
    """Adds the traffic of the other workers to that of this one. They see each other's of a second ago."""

    def __init__(self, own: Traffic, group: WorkerGroup) -> None:
        self._own = own
        self._shared = SharedSnapshots(group.folder, "traffic", group.presence, fold_traffic)
        self._others: Mapping[str, Totals] = {}
        self._recent: Sequence[AnsweredRequest] = ()
        self._shown: dict[str, Totals] = {}
        self.exchange()

    def exchange(self) -> None:
        """Publish what this worker has counted, and read what the others have."""
        recent = [_written(each) for each in self._own.all_recent()]
        self._shared.publish({"totals": minute_to_json(self._own.totals()), "recent": recent})
        found = self._shared.read()
        others: Mapping[str, Totals] = {} if found.departed is None else minute_from_json(found.departed["totals"])
        for value in found.living.values():
            others = _sum(others, minute_from_json(value["totals"]))
        self._others = others
        self._recent = [_read(each) for value in found.living.values() for each in value["recent"]]

    def totals(self) -> Mapping[str, Totals]:
        """See :class:`TrafficView`; the same values for as long as nothing was counted."""
        for name, total in _sum(self._own.totals(), self._others).items():
            if self._shown.get(name) != total:
                self._shown[name] = total
        return dict(self._shown)

    def recent(self, tenant_id: str | None) -> Sequence[AnsweredRequest]:
        """See :class:`TrafficView`."""
        others = [each for each in self._recent if tenant_id is None or each.tenant_id == tenant_id]
        found = sorted([*self._own.recent(tenant_id), *others], key=lambda each: each.time, reverse=True)
        return found[:RECENT]


def fold_traffic(departed: Mapping[str, Any] | None, last: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the totals with those of a worker that has ended, whose streams have ended too."""
    known: Mapping[str, Totals] = {} if departed is None else minute_from_json(departed["totals"])
    total = _sum(known, minute_from_json(last["totals"]))
    ended = {name: Totals(requests=each.requests, latencies=each.latencies, streams=0) for name, each in total.items()}
    return {"totals": minute_to_json(ended)}


def _sum(one: Mapping[str, Totals], other: Mapping[str, Totals]) -> Mapping[str, Totals]:
    return {name: one.get(name, Totals()) + other.get(name, Totals()) for name in {**one, **other}}


def _written(request: AnsweredRequest) -> list[Any]:
    return [
        request.time.isoformat(), request.tenant_id, request.method, request.endpoint, request.status,
        request.seconds, request.request_id,
    ]  # fmt: skip


def _read(written: Sequence[Any]) -> AnsweredRequest:
    time, tenant_id, method, endpoint, status, seconds, request_id = written
    return AnsweredRequest(
        time=datetime.fromisoformat(time), tenant_id=tenant_id, method=method, endpoint=endpoint, status=status,
        seconds=seconds, request_id=request_id,
    )  # fmt: skip
