"""A partition over which worker after worker ends is named; the ones beside it are computed all the same."""

import threading

import numpy as np

from feature_service.adapters.partition.ordered import run_ordered
from feature_service.domain.dataset.partition import Partition, PartitionFailed, PartitionFeatures

DAYS = [f"2026-03-{day:02}" for day in range(1, 8)]


def parts_of(days):
    return [Partition(device_code="d", day=day, spec=None, row_range=0, windows=slice(0, 0)) for day in days]


def made_of(partition):
    return PartitionFeatures(device_code="d", day=partition.day, values=np.zeros((0, 1)))


def failing_on(*days):
    def compute(partition):
        if partition.day in days:
            raise PartitionFailed(f"3 workers ended over {partition.day}")
        return made_of(partition)

    return compute


def run(compute, days, told=lambda partition, share: None):
    aborted, made = threading.Event(), []
    failure = None
    try:
        for partition, features in run_ordered(compute, parts_of(days), told, workers=2, abort=aborted.set):
            assert features.day == partition.day
            made.append(partition.day)
    except Exception as error:  # noqa: BLE001 - the tests look at it
        failure = error
    return made, failure, aborted.is_set()


def test_the_partitions_beside_those_that_fail_are_computed_and_the_failure_names_these():
    made, failure, aborted = run(failing_on(DAYS[1], DAYS[4]), DAYS)
    assert made == [day for day in DAYS if day not in {DAYS[1], DAYS[4]}]
    assert isinstance(failure, PartitionFailed)
    assert failure.reason == "PARTITION_WORKERS_UNAVAILABLE"
    assert (
        str(failure)
        == f"3 workers ended over {DAYS[1]}; 3 workers ended over {DAYS[4]} (5 other partitions were computed)"
    )
    assert not aborted


def test_the_progress_goes_on_beyond_a_partition_that_failed():
    told = []
    run(failing_on(DAYS[0]), DAYS, lambda partition, share: told.append((partition.day, share)))
    assert [day for day, share in told if share == 1.0] == DAYS


def test_when_one_partition_after_another_fails_no_more_are_tried():
    tried = []

    def compute(partition):
        tried.append(partition)
        return failing_on(*DAYS)(partition)

    made, failure, aborted = run(compute, DAYS * 20)
    assert (made, aborted) == ([], True)
    assert str(failure).endswith("(0 other partitions were computed and no more were tried)")
    assert len(tried) < 20


def test_any_other_failure_ends_the_run_at_once():
    def compute(partition):
        raise ValueError(partition.day)

    made, failure, aborted = run(compute, DAYS)
    assert (made, str(failure), aborted) == ([], DAYS[0], True)
