"""The metrics of all workers of a machine, whichever of them is asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from gateway.workers.group import WorkerGroup
from gateway.workers.snapshot import SharedSnapshots

# What is added up over workers, those that have ended included.
_SUMMED: Final = frozenset({"counter", "histogram", "summary"})
_EVERY: Final = 2
_CREATED: Final = "_created"
# A family as it is written: name, type, text, and its samples as (name, labels, value).
_Families = dict[str, dict[str, Any]]


class MachineMetrics(Collector):
    """Adds up the counters and histograms of all workers, and shows each gauge by `worker`.

    What a worker has counted stays in the sums after its end; its gauges go with it. What one counted in the last
    moments before it was killed is not known to the others: `publish` is called every few seconds, at each scrape
    and at a worker's end.
    """

    def __init__(self, registry: CollectorRegistry, group: WorkerGroup) -> None:
        self._registry = registry
        self._slot = group.slot
        self._shared = SharedSnapshots(group.folder, "metrics", group.presence, fold_families)
        self._id = group.presence.worker_id
        self._readings = 0

    def publish_now_and_then(self) -> None:
        """Publish each second time that this is called: once a second by the sampler."""
        self._readings += 1
        if self._readings % _EVERY == 0:
            self.publish()

    def publish(self) -> _Families:
        """Let the other workers see what this one has counted; return it."""
        own = _families(self._registry.collect())
        self._shared.publish({"slot": self._slot, "families": own})
        return own

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics of all."""
        own, others = self.publish(), self._shared.read()
        mine: dict[str, Any] = {"slot": self._slot, "families": own}
        living: dict[str, dict[str, Any]] = {self._id: mine, **others.living}
        total: _Families = others.departed or {}
        for value in living.values():
            total = _add(total, value["families"])
        gauges = _gauges({value["slot"]: value["families"] for _, value in sorted(living.items())})
        return [_metric(name, family) for name, family in sorted({**total, **gauges}.items())]


def fold_families(departed: _Families | None, last: Mapping[str, Any]) -> _Families:
    """Return the sums with those of a worker that has ended."""
    return _add(departed or {}, last["families"])


def _families(metrics: Iterable[Metric]) -> _Families:
    return {
        metric.name: {
            "type": metric.type,
            "text": metric.documentation,
            "samples": [(each.name, each.labels, each.value) for each in metric.samples],
        }
        for metric in metrics
    }


def _add(total: _Families, more: _Families) -> _Families:
    """Return the sums of both, of families that are added up."""
    result = dict(total)
    for name, family in more.items():
        if family["type"] in _SUMMED:
            known = result.get(name)
            samples = family["samples"] if known is None else _added(known["samples"], family["samples"])
            result[name] = {**family, "samples": samples}
    return result


def _added(samples: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    found = {(name, tuple(sorted(labels.items()))): [name, labels, value] for name, labels, value in samples}
    for name, labels, value in more:
        known = found.setdefault((name, tuple(sorted(labels.items()))), [name, labels, None])
        if known[2] is None:
            known[2] = value
        else:
            known[2] = min(known[2], value) if name.endswith(_CREATED) else known[2] + value
    return list(found.values())


def _gauges(by_slot: Mapping[int, _Families]) -> _Families:
    """Return the gauges of all, each with the number of its worker."""
    result: _Families = {}
    for slot, families in by_slot.items():
        for name, family in families.items():
            if family["type"] not in _SUMMED:
                samples = [(each, {**labels, "worker": str(slot)}, value) for each, labels, value in family["samples"]]
                known = result.setdefault(name, {**family, "samples": []})
                known["samples"].extend(samples)
    return result


def _metric(name: str, family: Mapping[str, Any]) -> Metric:
    metric = Metric(name, family["text"], family["type"])
    metric.samples = [Sample(each, dict(labels), value) for each, labels, value in family["samples"]]
    return metric
