"""Glitches in a baseline: readings of one row, far out, that hide neither the next one nor a fault."""

import numpy as np
import pytest

from feature_service.domain.anomaly.detector import fit_detector, score_windows
from feature_service.domain.anomaly.detector_state import detector_arrays, detector_from_state, detector_head
from feature_service.domain.anomaly.glitch import find_glitches
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame

BASELINE = 3000
ROWS = 4200
SIZE = 30
METHODS = (AnomalyMethod.PCA, AnomalyMethod.ROBUST_Z)


def welder(seed=0, glitches=()):
    """A welder at work: bursts of arc between pauses, and readings of one row that are nonsense."""
    random = np.random.default_rng(seed)
    arc = (np.arange(ROWS) // 60) % 2 == 0
    numbers = {
        "current": np.where(arc, 180, 0) + random.normal(0, 3, ROWS),
        "gas_flow": 12 + random.normal(0, 0.3, ROWS),
    }
    for row in glitches:
        numbers["current"][row] = random.uniform(850, 1000)
        numbers["gas_flow"][row] = random.uniform(50, 70)
    times = np.datetime64("2026-01-01", "us") + np.arange(ROWS) * np.timedelta64(1_000_000, "us")
    return Frame(timestamps=times, numbers=numbers)


def anomalous_rows(frame, method):
    detector = fit_detector(frame.first(BASELINE), list(frame.numbers), method, WindowPlan(size=SIZE))
    found = score_windows(detector, frame, 0.5, threshold=detector.threshold)
    first = frame.timestamps[0]
    starts = (found.starts[found.anomalous] - first).astype("int64") // 1_000_000
    return {int(row) for start in starts for row in range(start, start + SIZE)}, found


@pytest.mark.parametrize("method", METHODS)
def test_glitches_in_the_baseline_do_not_hide_the_next_one(method):
    rows, _ = anomalous_rows(welder(glitches=(*range(150, BASELINE, 300), 3505)), method)

    assert 3505 in rows


@pytest.mark.parametrize("method", METHODS)
def test_glitches_in_the_baseline_do_not_hide_a_fault(method):
    frame = welder(glitches=range(150, BASELINE, 300))
    frame.numbers["gas_flow"][3600:3900] -= 5

    rows, _ = anomalous_rows(frame, method)

    assert set(range(3640, 3860)) <= rows


@pytest.mark.parametrize("method", METHODS)
def test_a_baseline_without_glitches_gives_the_scores_that_it_gave(method):
    frame = welder()
    frame.numbers["gas_flow"][3600:3900] -= 5

    _, found = anomalous_rows(frame, method)

    sound = (found.ends < frame.timestamps[3600]) & (found.starts > frame.timestamps[BASELINE])
    assert found.anomalous[sound].mean() < 0.1


@pytest.mark.parametrize("method", list(AnomalyMethod))
def test_one_reading_far_outside_the_range_of_the_baseline_is_an_anomaly_of_its_field(method):
    frame = welder()
    frame.numbers["current"][3505] = 700

    rows, found = anomalous_rows(frame, method)

    assert 3505 in rows
    (place, *_) = np.flatnonzero(
        found.anomalous & (found.starts <= frame.timestamps[3505]) & (found.ends >= frame.timestamps[3505])
    )
    assert found.contributions[place].tolist() == [1.0, 0.0]
    assert found.scores[place] > 2.5 * found.scores[~found.anomalous].max()


@pytest.mark.parametrize("method", list(AnomalyMethod))
def test_one_reading_a_little_outside_the_range_of_the_baseline_is_none(method):
    frame, usual = welder(), welder()
    frame.numbers["current"][3505] += 30

    rows, _ = anomalous_rows(frame, method)

    assert rows == anomalous_rows(usual, method)[0]


def test_a_detector_kept_without_the_range_of_its_baseline_scores_by_its_method_alone():
    frame = welder()
    frame.numbers["current"][3505] = 700
    detector = fit_detector(frame.first(BASELINE), list(frame.numbers), AnomalyMethod.PCA, WindowPlan(size=SIZE))
    arrays = {
        name: values
        for name, values in detector_arrays(detector).items()
        if name not in ("scale.lowest", "scale.highest")
    }

    old = detector_from_state(detector_head(detector), arrays)

    scores = score_windows(old, frame, 0.5, threshold=old.threshold).scores
    assert np.isfinite(scores).all()
    assert scores.max() < score_windows(detector, frame, 0.5, threshold=detector.threshold).scores.max()


def test_a_reading_that_stands_alone_far_outside_all_others_is_a_glitch():
    values = np.random.default_rng(1).normal(20, 1, 1000)
    values[[100, 400, 401]] = (300, -250, -260)

    assert np.flatnonzero(find_glitches(values)).tolist() == [100, 400, 401]


def test_missing_readings_are_no_glitches_and_hide_none():
    values = np.random.default_rng(1).normal(20, 1, 1000)
    values[398:403] = np.nan
    values[400] = 300

    assert np.flatnonzero(find_glitches(values)).tolist() == [400]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.where(np.arange(3000) % 300 == 7, 1.0, 0.0), id="a door that opens now and then"),
        pytest.param(np.where((np.arange(3000) // 60) % 2 == 0, 180.0, 0.0), id="two levels"),
        pytest.param(np.where(np.arange(3000) % 40 == 7, 1.0 + np.arange(3000) / 3000, 0.0), id="frequent pulses"),
        pytest.param(np.random.default_rng(2).standard_cauchy(3000).clip(-50, 50), id="heavy tails"),
        pytest.param(np.full(3000, 5.0), id="a constant"),
        pytest.param(np.array([1.0, 900.0]), id="two readings"),
        pytest.param(np.full(100, np.nan), id="none at all"),
    ],
)
def test_states_of_the_machine_are_no_glitches(values):
    assert not find_glitches(values).any()


def test_short_pulses_within_the_usual_range_are_no_glitches():
    random = np.random.default_rng(3)
    values = np.where((np.arange(3000) // 60) % 2 == 0, 180, 0) + random.normal(0, 3, 3000)
    values[[90, 91, 700]] = (175, 181, 178)

    assert not find_glitches(values).any()


@pytest.mark.parametrize(
    ("rows", "readings", "are_glitches"),
    [
        (1000, [900.0], True), (1000, [900.0, 900.0], False), (1000, [900.0, 901.0], True),
        (1000, [900.0, 900.0, 901.0], True), (1000, [900.0, 900.0, 901.0, 901.0], False),
        (1000, [900.0 + number for number in range(10)], True), (1000, [900.0 + number for number in range(11)], False),
        (99, [900.0], False), (100, [900.0], True),
    ],
)  # fmt: skip
def test_one_reading_in_a_hundred_is_a_glitch_and_more_or_a_value_that_comes_back_is_a_state(
    rows, readings, are_glitches
):
    values = 10 + np.random.default_rng(3).normal(0, 1, rows)
    places = np.linspace(5, rows - 5, len(readings), dtype=int)
    values[places] = readings
    assert np.flatnonzero(find_glitches(values)).tolist() == (places.tolist() if are_glitches else [])
