"""The metrics and the traffic of several workers, from whichever of them."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.monitoring.machine_metrics import MachineMetrics
from gateway.monitoring.machine_traffic import MachineTraffic
from gateway.monitoring.traffic import Traffic
from gateway.workers.group import WorkerGroup
from penstock_testkit.clock import ManualClock


class Worker:
    """One worker with metrics and traffic of its own."""

    def __init__(self, folder: Path, slot: int) -> None:
        self.group = WorkerGroup.join(folder, slot)
        own = CollectorRegistry()
        self.requests = Counter("requests", "Requests.", ["path"], registry=own)
        self.seconds = Histogram("seconds", "Seconds.", buckets=(1, 2), registry=own)
        self.open = Gauge("open", "Open.", registry=own)
        self.metrics = MachineMetrics(own, self.group)
        self.shown = CollectorRegistry()
        self.shown.register(self.metrics)
        self.traffic = Traffic(ManualClock())
        self.machine = MachineTraffic(self.traffic, self.group)

    def lines(self) -> list[str]:
        return generate_latest(self.shown).decode().splitlines()

    def answer(self, request_id: str) -> None:
        self.requests.labels("/a").inc()
        self.seconds.observe(1.5)
        self.traffic.record(
            tenant_id="acme", method="GET", endpoint="/a", status=200, seconds=0.1, request_id=request_id
        )

    def publish(self) -> None:
        self.metrics.publish()
        self.machine.exchange()

    def end(self) -> None:
        self.publish()
        self.group.presence.close()


def test_counters_and_histograms_are_added_up_and_gauges_named_by_worker(tmp_path: Path) -> None:
    one, other = Worker(tmp_path, 1), Worker(tmp_path, 2)
    for worker, answers in ((one, 2), (other, 3)):
        worker.open.set(answers)
        for number in range(answers):
            worker.answer(f"req_{number}")
        worker.publish()
    for worker in (one, other):
        lines = worker.lines()
        assert 'requests_total{path="/a"} 5.0' in lines
        assert 'seconds_bucket{le="2.0"} 5.0' in lines
        assert "seconds_sum 7.5" in lines
        assert [line for line in lines if line.startswith("open{")] == ['open{worker="1"} 2.0', 'open{worker="2"} 3.0']


def test_no_counter_falls_over_fifty_replacements_and_the_gauges_of_the_dead_go(tmp_path: Path) -> None:
    stays, answered = Worker(tmp_path, 1), 0
    for _ in range(50):
        worker = Worker(tmp_path, 2)
        for number in range(3):
            worker.answer(f"req_{number}")
        answered += 3
        worker.end()
        assert f'requests_total{{path="/a"}} {answered}.0' in stays.lines()
        assert [line for line in stays.lines() if line.startswith("open{")] == ['open{worker="1"} 0.0']


def test_traffic_is_that_of_all_workers_and_outlives_them(tmp_path: Path) -> None:
    one, other = Worker(tmp_path, 1), Worker(tmp_path, 2)
    one.answer("req_one")
    other.answer("req_other")
    other.traffic.open_stream("acme")
    other.publish()
    one.machine.exchange()
    totals = one.machine.totals()["acme"]
    assert (totals.count, totals.streams, totals.latencies.count) == (2, 1, 2)
    assert {request.request_id for request in one.machine.recent("acme")} == {"req_one", "req_other"}
    assert one.machine.totals()["acme"] is totals, "what nobody has changed is the same value"
    other.end()
    one.machine.exchange()
    totals = one.machine.totals()["acme"]
    assert (totals.count, totals.streams) == (2, 0)
    assert one.machine.recent("globex") == []
