"""What is known of a provider from its calls."""

from llm_service.domain.model.failure import FailureKind
from llm_service.domain.routing.health import ProviderMonitor
from penstock_testkit.clock import ManualClock


def test_the_latencies_are_the_median_and_the_95th_percentile_of_the_last_calls(clock: ManualClock) -> None:
    monitor = ProviderMonitor(clock)
    for latency in range(100, 0, -1):
        monitor.record_answer("p", float(latency))
    record = monitor.record("p")
    assert (record.latency_p50, record.latency_p95) == (51, 96)
    for _ in range(256):
        monitor.record_answer("p", 0.5)
    assert (monitor.record("p").latency_p50, monitor.record("p").latency_p95) == (0.5, 0.5)


def test_one_call_is_all_there_is_and_none_is_unknown(clock: ManualClock) -> None:
    monitor = ProviderMonitor(clock)
    assert (monitor.record("p").latency_p50, monitor.record("p").latency_p95) == (None, None)
    monitor.record_answer("p", 2.0)
    assert (monitor.record("p").latency_p50, monitor.record("p").latency_p95) == (2, 2)


def test_attempts_and_failures_are_counted_by_provider_and_kind(clock: ManualClock) -> None:
    monitor = ProviderMonitor(clock)
    for provider, failures in (("p", 2), ("q", 0)):
        for _ in range(3):
            monitor.record_start(provider)
        for _ in range(failures):
            monitor.record_failure(provider, FailureKind.SERVER)
    clock.advance(5)
    monitor.record_failure("p", FailureKind.AUTH)
    p, q = monitor.record("p"), monitor.record("q")
    assert (p.requests, p.failures, dict(p.failures_by_kind)) == (
        3, 3, {FailureKind.SERVER: 2, FailureKind.AUTH: 1},
    )  # fmt: skip
    assert (p.last_failure, p.last_failure_time) == (FailureKind.AUTH, clock.now())
    assert (q.requests, q.failures, q.last_failure, q.last_failure_time) == (3, 0, None, None)
