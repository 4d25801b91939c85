"""What comes of readings over a window of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.monitoring.histogram import LATENCY_BUCKETS, Latencies, bucket_of
from gateway.monitoring.samples import SampleRing, series
from gateway.monitoring.traffic import Traffic
from penstock_testkit.clock import ManualClock

REQUESTS, SECONDS = "http_requests_total", "http_request_duration_seconds"


def latencies(*seconds: float) -> Latencies:
    counts = [0] * (len(LATENCY_BUCKETS) + 1)
    for each in seconds:
        counts[bucket_of(each)] += 1
    return Latencies(counts=tuple(counts), seconds=sum(seconds))


def ring(*readings: tuple[float, dict]) -> SampleRing:
    made = SampleRing()
    for at, values in readings:
        made.add(at, values)
    return made


def test_a_rate_is_over_the_time_that_the_readings_span() -> None:
    ok = series(REQUESTS, tenant="a", status_class="2xx")
    samples = ring((0, {ok: 10}), (5, {ok: 20}), (10, {ok: 60}))
    assert samples.increase(REQUESTS, 10) == 50
    assert samples.rate(REQUESTS, 10) == 5
    assert samples.rate(REQUESTS, 6) == 8
    assert samples.latest(REQUESTS) == 60


def test_labels_choose_the_series_that_are_added_up() -> None:
    a, b = series(REQUESTS, tenant="a", status_class="5xx"), series(REQUESTS, tenant="b", status_class="2xx")
    samples = ring((0, {a: 0, b: 0}), (5, {a: 1, b: 2}))
    assert samples.increase(REQUESTS, 60) == 3
    assert samples.increase(REQUESTS, 60, {"status_class": "5xx"}) == 1
    assert samples.increase(REQUESTS, 60, {"tenant": "c"}) is None


def test_a_series_that_is_born_counts_from_nothing() -> None:
    failed = series(REQUESTS, tenant="a", status_class="5xx")
    assert ring((0, {}), (5, {failed: 1})).increase(REQUESTS, 60) == 1


def test_a_counter_that_began_anew_never_falls() -> None:
    key = series("other_total")
    assert ring((0, {key: 100}), (5, {key: 3})).increase("other_total", 60) == 3


def test_one_reading_and_an_empty_window_have_no_value() -> None:
    key = series(SECONDS, tenant="a")
    assert SampleRing().latest(REQUESTS) is None
    assert ring((0, {key: latencies(1.0)})).rate(SECONDS, 60) is None
    idle = ring((0, {key: latencies(1.0)}), (5, {key: latencies(1.0)}))
    assert idle.quantile(SECONDS, 0.99, 60) is None
    assert idle.mean(SECONDS, 60) is None


@pytest.mark.parametrize(("seconds", "above"), [(1.9, False), (2.1, True)])
def test_a_quantile_is_on_the_right_side_of_the_threshold(seconds: float, above: bool) -> None:
    key = series(SECONDS, tenant="a")
    samples = ring((0, {key: latencies()}), (5, {key: latencies(*[seconds] * 100)}))
    p99 = samples.quantile(SECONDS, 0.99, 300)
    assert p99 is not None
    assert (p99 > 2) is above


@given(st.lists(st.floats(min_value=0, max_value=200), min_size=1, max_size=50), st.floats(min_value=0, max_value=1))
def test_a_quantile_lies_within_the_bucket_of_the_value_it_stands_for(values: list[float], share: float) -> None:
    found = latencies(*values).quantile(share)
    assert found is not None
    exact = sorted(values)[min(len(values) - 1, max(0, -(-int(share * len(values) * 1e9) // 10**9) - 1))]
    edges = (0.0, *LATENCY_BUCKETS, LATENCY_BUCKETS[-1])
    at = bucket_of(exact)
    near = {bucket_of(value) for value in values if abs(bucket_of(value) - at) <= 1} | {at}
    assert any(edges[each] - 1e-9 <= found <= edges[each + 1] + 1e-9 for each in range(min(near), max(near) + 1))


def test_an_hour_is_kept_by_five_seconds_and_no_more() -> None:
    samples, key = SampleRing(), series(REQUESTS)
    for second in range(2 * 3600):
        samples.add(second, {key: second})
    kept = list(samples.readings(10_000))
    assert len(kept) <= 722
    assert samples.increase(REQUESTS, 10_000) == pytest.approx(3600, abs=5)
    assert samples.latest(REQUESTS) == 7199


def test_readings_of_an_idle_tenant_share_their_memory() -> None:
    traffic = Traffic(ManualClock())
    traffic.record(tenant_id="a", method="GET", endpoint="/v1/models", status=200, seconds=0.1, request_id="req_1")
    assert traffic.totals()["a"] is traffic.totals()["a"]


def test_the_last_ten_requests_are_told_apart_by_tenant_and_probes_are_no_news() -> None:
    traffic = Traffic(ManualClock())
    for number in range(12):
        traffic.record(
            tenant_id="a", method="GET", endpoint="/v1/models", status=200, seconds=0.1, request_id=f"a{number}"
        )
    traffic.record(tenant_id="", method="GET", endpoint="/health", status=200, seconds=0.1, request_id="h")
    traffic.record(tenant_id="b", method="GET", endpoint="/v1/models", status=503, seconds=0.1, request_id="b0")
    assert [each.request_id for each in traffic.recent("b")] == ["b0"]
    assert [each.request_id for each in traffic.recent("a")] == [f"a{number}" for number in range(11, 1, -1)]
    assert [each.request_id for each in traffic.recent(None)][:2] == ["b0", "a11"]
    assert traffic.totals()[""].count == 1
