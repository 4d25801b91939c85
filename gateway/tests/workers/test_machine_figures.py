"""The metrics and the traffic of several workers, from whichever of them."""

from pathlib import Path
from threading import Thread

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.monitoring.machine_metrics import MachineMetrics
from gateway.monitoring.machine_traffic import MachineTraffic
from gateway.monitoring.traffic import Traffic
from gateway.workers.group import WorkerGroup
from penstock_testkit.clock import ManualClock

# By name and labels.
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Worker:
    """One worker with metrics and traffic of its own."""

    def __init__(self, folder: Path, slot: int) -> None:
        self.group = WorkerGroup.join(folder, slot)
        own = CollectorRegistry()
        self.requests = Counter("requests", "Requests.", ["path"], registry=own)
        self.seconds = Histogram("seconds", "Seconds.", buckets=(1, 2), registry=own)
        self.open = Gauge("open", "Open.", registry=own)
        ProcessCollector(registry=own)
        self.metrics = MachineMetrics(own, self.group)
        self.shown = CollectorRegistry()
        self.shown.register(self.metrics)
        self.traffic = Traffic(ManualClock())
        self.machine = MachineTraffic(self.traffic, self.group)

    def lines(self) -> list[str]:
        return generate_latest(self.shown).decode().splitlines()

    def samples(self) -> Samples:
        """Scrape, and read what is shown."""
        families = text_string_to_metric_families(generate_latest(self.shown).decode())
        return {
            (each.name, tuple(sorted(each.labels.items()))): each.value
            for family in families
            for each in family.samples
            if not each.name.endswith("_created")
        }

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


def test_in_a_hundred_scrapes_over_fifty_replacements_no_counter_falls_and_the_gauges_of_the_dead_go(
    tmp_path: Path,
) -> None:
    stays, answered, files = Worker(tmp_path, 1), 0, list[int]()
    before: Samples = {}
    stays.publish()
    for life in range(50):
        worker = Worker(tmp_path, 2)
        worker.open.set(life)
        for number in range(3):
            worker.answer(f"req_{number}")
        answered += 3
        for scraped, workers in ((worker, {"1", "2"}), (stays, {"1"})):
            if scraped is stays:
                worker.end()
            shown = scraped.samples()
            summed = {key: value for key, value in shown.items() if "worker" not in dict(key[1])}
            assert all(summed[key] >= value for key, value in before.items())
            before = summed
            assert summed["requests_total", (("path", "/a"),)] == answered
            assert summed["seconds_count", ()] == answered
            gauges = {(key[0], dict(key[1])["worker"]) for key in shown if "worker" in dict(key[1])}
            assert {number for name, number in gauges if name == "open"} == workers
            assert {number for name, number in gauges if name == "process_resident_memory_bytes"} == workers
            assert summed["process_cpu_seconds_total", ()] > 0
        stays.group.presence.living()  # as the writer for all does each minute
        files.append(len(list(tmp_path.iterdir())))
    assert max(files) == files[1], "no files of the dead pile up, whom each scrape would read"


def test_what_is_scraped_while_the_others_publish_is_whole_at_each_moment(tmp_path: Path) -> None:
    stays, busy = Worker(tmp_path, 1), Worker(tmp_path, 2)
    rounds = 300

    def work() -> None:
        for number in range(rounds):
            busy.answer(f"req_{number}")
            busy.metrics.publish()

    thread = Thread(target=work)
    thread.start()
    seen, open_ = [0.0], 0
    while thread.is_alive() or seen[-1] < rounds:
        shown = stays.samples()
        seen.append(shown.get(("requests_total", (("path", "/a"),)), 0.0))
        open_ += ("open", (("worker", "2"),)) in shown
        assert seen[-1] >= seen[-2]
    thread.join()
    assert seen[-1] == rounds
    assert open_ >= len(set(seen)) - 1, "each that has counted shows its gauges as well"


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
