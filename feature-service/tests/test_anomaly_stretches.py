"""Stretches: a text field is not what it usually is, and what else was different then."""

from typing import Any

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.anomaly.level import FieldShift, field_shifts
from feature_service.domain.anomaly.stretch import find_stretches, usual_states
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from feature_service.domain.model.statistic import ValueCount

SECOND = 1_000_000
ROWS = 4_000
BASE = 1_767_225_600


def shop(**faults: tuple[int, int]) -> Frame:
    """A machine that welds 44 of 60 seconds: current at 180, gas at 14 and its quality good, but for the faults."""
    random = np.random.default_rng(3)
    arc = np.arange(ROWS) % 60 < 44
    numbers = {
        "current": np.where(arc, 180.0, 0.0) + random.normal(0, 1, ROWS),
        "gas": np.where(arc, 14.0, 0.0) + np.abs(random.normal(0, 0.05, ROWS)),
    }
    quality = np.full(ROWS, "good", dtype=np.object_)
    for value, (first, stop) in faults.items():
        quality[first:stop] = value
    times = (np.arange(ROWS) * SECOND).astype("datetime64[us]")
    return Frame(timestamps=times, numbers=numbers, texts={"quality": quality})


def counted(frame: Frame, **more: int) -> list[ValueCount]:
    values, counts = np.unique([text for text in frame.texts["quality"] if text], return_counts=True)
    told = dict(zip(map(str, values), map(int, counts), strict=True)) | more
    return [ValueCount(field="quality", value=value, count=count) for value, count in told.items()]


def stretches(frame: Frame, span: Span | None = None, **more: int) -> Any:
    return find_stretches(frame, usual_states(counted(frame, **more)), list(frame.numbers), span or Span())


def test_a_time_in_which_a_text_is_not_as_usual_is_told_with_what_differed_while_the_machine_worked() -> None:
    frame = shop(porosity=(1200, 1800))
    frame.numbers["gas"][1200:1800] *= 0.55
    (found,) = stretches(frame)
    assert (found.start, found.end, found.rows) == (1200 * SECOND, 1800 * SECOND, 600)
    assert (found.field, found.value, found.usual) == ("quality", "porosity", "good")
    (gas,) = found.shifts
    assert (gas.field, gas.level, gas.usual) == ("gas", pytest.approx(7.7, rel=0.01), pytest.approx(14, rel=0.01))


def test_single_odd_readings_and_another_share_of_pauses_change_no_level() -> None:
    frame = shop(porosity=(1200, 1800))
    frame.numbers["gas"][1200:1800:50] = 60.0
    for values in frame.numbers.values():
        values[1210:1400] = 0.0
    (found,) = stretches(frame)
    assert found.shifts == ()


def test_a_fault_is_compared_with_the_side_that_is_more_alike_where_the_job_changes_with_it() -> None:
    frame = shop(porosity=(1200, 1800))
    frame.numbers["gas"][1200:1800] *= 0.55
    for values in frame.numbers.values():
        values[:1200] *= 1.3
    (found,) = stretches(frame)
    assert [(shift.field, round(shift.usual)) for shift in found.shifts] == [("gas", 14)]


def test_stretches_are_cut_to_the_range_and_come_in_the_order_of_time() -> None:
    frame = shop(porosity=(1000, 1500), undercut=(3000, 3100), burn=(3200, 3205))
    found = stretches(frame, Span(start=1400 * SECOND, end=3050 * SECOND))
    assert [(each.value, each.start // SECOND, each.end // SECOND) for each in found] == [
        ("porosity", 1400, 1500),
        ("undercut", 3000, 3050),
    ]


def test_missing_texts_and_a_short_silence_part_no_stretch_and_a_long_one_does() -> None:
    frame = shop(porosity=(1000, 2000))
    frame.texts["quality"][1100:1300] = None
    assert [(each.start // SECOND, each.rows) for each in stretches(frame)] == [(1000, 800)]
    frame.texts["quality"][1100:1500] = None
    assert [(each.start // SECOND, each.end // SECOND) for each in stretches(frame)] == [(1000, 1100), (1500, 2000)]


def test_what_a_quarter_of_the_rows_have_is_usual_too_and_a_text_without_a_main_value_is_no_state() -> None:
    frame = shop(idle=(1000, 2000))
    assert stretches(frame) == ()
    assert len(stretches(frame, good=9_000)) == 1
    assert stretches(frame, good=1_000, other=1_000, third=1_000) == ()


def test_a_text_of_many_values_is_no_state() -> None:
    frame = shop(porosity=(1000, 1100))
    assert len(stretches(frame, **{f"v{number}": 1 for number in range(10)})) == 1
    assert stretches(frame, **{f"v{number}": 1 for number in range(11)}) == ()


def test_what_comes_and_goes_all_the_time_is_routine_and_only_far_longer_ones_are_told() -> None:
    frame = shop(pause=(1000, 1200))
    for first in range(1300, 3700, 200):
        frame.texts["quality"][first : first + 20] = "pause"
    assert [(each.start // SECOND, each.rows) for each in stretches(frame)] == [(1000, 200)]


def test_two_odd_texts_are_no_stretch_and_three_are() -> None:
    assert stretches(shop(porosity=(1000, 1002))) == ()
    assert len(stretches(shop(porosity=(1000, 1003)))) == 1


def test_of_very_many_stretches_the_hundred_longest_are_told() -> None:
    frame = shop()
    for number, first in enumerate(range(100, 3100, 30)):
        frame.texts["quality"][first : first + 3 + number % 2] = f"e{number % 10}"
    frame.texts["quality"][3950:3990] = "last"
    found = stretches(frame, good=50_000)
    assert len(found) == 100
    assert found[-1].rows == 40


def test_a_field_that_is_negative_as_often_is_compared_with_all_its_rows() -> None:
    here = {"x": np.array([-1.0, 1.0, -1.0, 1.0, 0.0])}
    assert field_shifts(here, here, ["x"]) == []
    there = {"x": here["x"] + 5}
    assert field_shifts(there, here, ["x"]) == [FieldShift(field="x", level=5.0, usual=0.0)]


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"service_on_{request.param}")


async def test_stretches_are_told_where_they_are_asked_for(service: Any) -> None:
    frame = shop(porosity=(2400, 3000))
    frame.numbers["gas"][2400:3000] *= 0.55
    frame.numbers["current"][3505] = 900.0
    lines = ["timestamp,current,gas,quality"]
    columns = (frame.numbers["current"], frame.numbers["gas"], frame.texts["quality"])
    lines += [f"{BASE + row},{a:.3f},{b:.3f},{text}" for row, (a, b, text) in enumerate(zip(*columns, strict=True))]

    async def messages() -> Any:
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="w", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk="\n".join(lines).encode())

    await service.features.Ingest(messages())
    asked = {"device_codes": ["w"], "start_time": Timestamp(seconds=BASE + 2000)}
    plain = (await service.features.DetectAnomalies(pb.DetectAnomaliesRequest(**asked))).devices[0]
    assert (list(plain.stretches), any(window.single_readings for window in plain.windows)) == ([], False)
    answer = await service.features.DetectAnomalies(pb.DetectAnomaliesRequest(stretches=True, **asked))
    (device,) = answer.devices
    (stretch,) = device.stretches
    assert (stretch.start_time.seconds - BASE, stretch.end_time.seconds - BASE) == (2400, 3000)
    assert (stretch.field, stretch.value, stretch.usual_value, stretch.row_count) == (
        "quality",
        "porosity",
        "good",
        600,
    )
    (gas,) = stretch.shifts
    assert (gas.name, round(gas.level, 1), round(gas.usual_level, 1)) == ("gas", 7.7, 14.0)
    assert [window.score for window in device.windows] == [window.score for window in plain.windows]
    single = [window for window in device.windows if window.single_readings]
    assert single
    for window in single:
        assert window.anomalous
        assert window.start_time.seconds <= BASE + 3505 <= window.end_time.seconds
    fault = [each for each in device.windows if each.start_time.seconds - BASE >= 2400 and each.anomalous]
    assert len(fault) > len(single)
    online = pb.DetectAnomaliesRequest(detector_id=answer.detector_id, stretches=True)
    assert len((await service.features.DetectAnomalies(online)).devices[0].stretches) == 1
