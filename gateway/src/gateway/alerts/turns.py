"""The order in which alarms are judged: tenants take turns, so that one's many alarms delay no other's."""

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from gateway.alerts.model import Alarm

_KNOWN: Final = 10_000


class TenantTurns:
    """Where the next round of each tenant begins: behind what the last one got to."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}

    def order(self, alarms: Sequence[Alarm]) -> Sequence[Alarm]:
        """Return `alarms` with one of each tenant, then a second of each, and so on."""
        queues: dict[str, list[Alarm]] = {}
        for alarm in alarms:
            queues.setdefault(alarm.tenant_id, []).append(alarm)
        turned = [_turned(queue, self._first.get(tenant, 0)) for tenant, queue in queues.items()]
        return [alarm for turn in zip_longest(*turned) for alarm in turn if alarm is not None]

    def end_round(self, alarms: Sequence[Alarm], waiting: Sequence[Alarm]) -> None:
        """Note that of `alarms` the `waiting` ones were not judged."""
        if not waiting:
            self._first.clear()
            return
        counts, left = (Counter(alarm.tenant_id for alarm in some) for some in (alarms, waiting))
        for tenant, count in counts.items():
            self._first[tenant] = (self._first.get(tenant, 0) + count - left[tenant]) % count
        while len(self._first) > _KNOWN:
            del self._first[next(iter(self._first))]


def _turned(queue: list[Alarm], first: int) -> list[Alarm]:
    start = first % len(queue)
    return [*queue[start:], *queue[:start]]
