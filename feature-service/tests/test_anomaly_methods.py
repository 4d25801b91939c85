"""Anomalies that were put into synthetic devices: each method finds what it is for, and nothing where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from feature_service.adapters.detector.npz import detectors_from_bytes, detectors_to_bytes
from feature_service.domain.anomaly.detector import fit_detector, score_windows
from feature_service.domain.anomaly.detector_state import detector_arrays, detector_from_state, detector_head
from feature_service.domain.anomaly.isolation_forest import fit_isolation_forest
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.pca import fit_pca
from feature_service.domain.anomaly.robust_z import fit_robust_z
from feature_service.domain.anomaly.score import standardized
from feature_service.domain.anomaly.threshold import choose_threshold
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from penstock_kit.errors import Unprocessable

PCA, FOREST, ROBUST = AnomalyMethod.PCA, AnomalyMethod.ISOLATION_FOREST, AnomalyMethod.ROBUST_Z
BASELINE = 1200
FAULT = slice(1800, 2100)
ROWS = 2400
SIZE = 30
WINDOW = WindowPlan(size=SIZE)


def device(seed=0, rows=ROWS):
    """A device at work: two sensors that move together, two by themselves."""
    random = np.random.default_rng(seed)
    load = random.normal(0, 1, rows)
    return {
        "current": 200 + 10 * load + random.normal(0, 1, rows),
        "power": 5000 + 250 * load + random.normal(0, 25, rows),
        "temperature": 40 + random.normal(0, 0.5, rows),
        "pressure": 6 + random.normal(0, 0.1, rows),
    }


def frame_of(numbers):
    rows = len(next(iter(numbers.values())))
    times = np.datetime64("2026-01-01", "us") + np.arange(rows) * np.timedelta64(1_000_000, "us")
    return Frame(timestamps=times, numbers={name: np.array(values, dtype=float) for name, values in numbers.items()})


def detect(numbers, method, *, baseline=BASELINE, size=SIZE, overlap=0.5):
    frame = frame_of(numbers)
    detector = fit_detector(frame.first(baseline), list(numbers), method, WindowPlan(size=size))
    return detector, score_windows(detector, frame, overlap, threshold=detector.threshold)


def inside(windows, fault=FAULT):
    """Which windows lie wholly within the fault."""
    starts = (windows.starts - windows.starts[0]).astype("int64") // 1_000_000
    return (starts >= fault.start) & (starts + SIZE <= fault.stop)


def outside(windows, fault=FAULT):
    starts = (windows.starts - windows.starts[0]).astype("int64") // 1_000_000
    return (starts + SIZE <= fault.start) | (starts >= fault.stop)


def step(numbers, random):
    numbers["temperature"][FAULT] += 2.0
    return "temperature"


def spikes(numbers, random):
    numbers["pressure"][FAULT.start : FAULT.stop : 12] += 2.0
    return "pressure"


def louder(numbers, random):
    numbers["temperature"][FAULT] = 40 + random.normal(0, 2.5, FAULT.stop - FAULT.start)
    return "temperature"


def stuck(numbers, random):
    numbers["pressure"][FAULT] = numbers["pressure"][FAULT.start]
    return "pressure"


def apart(numbers, random):
    """The power goes on as ever, but no longer with the current."""
    numbers["power"][FAULT] = 5000 + 250 * random.normal(0, 1, FAULT.stop - FAULT.start)
    return "power"


@pytest.mark.parametrize("method", [PCA, ROBUST])
@pytest.mark.parametrize("fault", [step, spikes, louder, stuck])
def test_a_fault_is_found_and_its_field_named(method, fault):
    numbers = device()
    field = fault(numbers, np.random.default_rng(1))
    _, windows = detect(numbers, method)
    found = inside(windows)
    assert windows.anomalous[found].mean() > 0.9
    assert windows.anomalous[outside(windows)].mean() <= 0.02
    shares = windows.contributions[found].mean(axis=0)
    assert windows.fields[int(shares.argmax())] == field
    assert shares.max() > 0.5


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_a_fault_in_several_fields_at_once_is_found_by_every_method(method):
    numbers = device()
    for values in numbers.values():
        values[FAULT] += 2 * values.std()
    _, windows = detect(numbers, method)
    assert windows.anomalous[inside(windows)].mean() > 0.9
    assert windows.anomalous[outside(windows)].mean() <= 0.02


def test_only_pca_sees_that_two_sensors_no_longer_move_together():
    numbers = device()
    apart(numbers, np.random.default_rng(1))
    _, windows = detect(numbers, PCA)
    found = inside(windows)
    assert windows.anomalous[found].mean() > 0.75
    assert windows.anomalous[outside(windows)].mean() <= 0.02
    shares = dict(zip(windows.fields, windows.contributions[found].mean(axis=0), strict=True))
    assert shares["power"] + shares["current"] > 0.8
    _, alone = detect(numbers, ROBUST)
    assert alone.anomalous[found].mean() < 0.2


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_without_anomalies_at_most_two_windows_in_a_hundred_are_called_anomalous(method):
    rates = []
    for seed in range(5):
        _, windows = detect(device(seed, rows=6000), method)
        rates.append(windows.anomalous[windows.starts >= windows.starts[0] + np.timedelta64(BASELINE, "s")].mean())
    assert np.mean(rates) <= 0.02


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_what_comes_after_the_baseline_changes_no_fitted_number(method):
    quiet, noisy = device(), device()
    for values in noisy.values():
        values[BASELINE:] = np.random.default_rng(9).normal(1e6, 1e5, ROWS - BASELINE)
    (first, before), (second, after) = detect(quiet, method), detect(noisy, method)
    assert detectors_to_bytes({"d": first}) == detectors_to_bytes({"d": second})
    same = before.ends < before.starts[0] + np.timedelta64(BASELINE, "s")
    assert np.array_equal(before.scores[same], after.scores[same])


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_a_stored_detector_scores_a_window_alone_as_the_fitted_one_did_in_company(method):
    numbers = device()
    step(numbers, np.random.default_rng(1))
    detector, offline = detect(numbers, method)
    stored = detectors_from_bytes(*detectors_to_bytes({"d": detector}))["d"]
    frame = frame_of(numbers)
    for index in (0, 77, 130, len(offline.scores) - 1):
        rows = frame.cut(slice(index * SIZE // 2, index * SIZE // 2 + SIZE))
        online = score_windows(stored, rows, 0.5, threshold=stored.threshold)
        assert online.scores.tolist() == pytest.approx([offline.scores[index]], rel=1e-9)
        assert online.anomalous.tolist() == [offline.anomalous[index]]
        assert np.allclose(online.contributions[0], offline.contributions[index], rtol=1e-9)


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_a_growing_offset_raises_the_score_and_the_share_of_its_field(method):
    scores, shares = [], []
    for offset in (0.0, 0.5, 1.0):
        numbers = device()
        numbers["pressure"][FAULT] += offset
        _, windows = detect(numbers, method)
        scores.append(windows.scores[inside(windows)].mean())
        shares.append(windows.contributions[inside(windows)][:, 3].mean())
    assert scores == sorted(scores)
    assert shares[0] < shares[1]


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_shares_sum_to_one_and_every_score_is_finite(method):
    numbers = device()
    numbers["resting"] = np.full(ROWS, 7.0)
    numbers["doubled"] = 2 * numbers["current"]
    numbers["offset"] = 1e6 + 0.01 * np.random.default_rng(3).normal(size=ROWS)
    numbers["quantised"] = np.round(numbers["pressure"])
    _, windows = detect(numbers, method)
    assert np.isfinite(windows.scores).all()
    assert np.allclose(windows.contributions.sum(axis=1), 1.0)
    assert (windows.contributions >= 0).all()
    assert windows.anomalous.mean() <= 0.02


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_a_field_that_never_varied_is_anomalous_as_soon_as_it_does(method):
    numbers = {**device(), "valve": np.full(ROWS, 1.0)}
    numbers["valve"][FAULT] = 1.1
    _, windows = detect(numbers, method)
    assert windows.anomalous[inside(windows)].all()
    assert windows.anomalous[outside(windows)].mean() <= 0.02
    assert windows.contributions[inside(windows)][:, 4].min() > 0.9


@pytest.mark.parametrize("method", [PCA, FOREST, ROBUST])
def test_one_field_is_enough(method):
    numbers = {"temperature": device()["temperature"]}
    step(numbers, np.random.default_rng(1))
    _, windows = detect(numbers, method)
    assert windows.scores[inside(windows)].mean() > 1.2 * windows.scores[outside(windows)].mean()
    assert windows.anomalous[inside(windows)].mean() > 0.9 or method is FOREST
    assert windows.contributions.tolist() == [[1.0]] * len(windows.scores)


def test_missing_values_are_no_anomaly_and_a_window_without_any_value_has_no_score():
    numbers = device()
    numbers["pressure"][FAULT] = np.nan
    numbers["temperature"][::3] = np.nan
    _, windows = detect(numbers, PCA)
    assert windows.anomalous[inside(windows)].mean() <= 0.05
    assert (windows.contributions[inside(windows)][:, 3] == 0).all()
    for values in numbers.values():
        values[FAULT] = np.nan
    _, windows = detect(numbers, PCA)
    assert np.isnan(windows.scores[inside(windows)]).all()
    assert not windows.anomalous[inside(windows)].any()


def test_a_short_baseline_is_refused_with_the_rows_it_needs():
    with pytest.raises(Unprocessable, match="the baseline has 149 rows, at least 150 are needed") as caught:
        detect(device(), PCA, baseline=149)
    assert caught.value.reason == "BASELINE_INVALID"
    detector, _ = detect(device(), PCA, baseline=150)
    assert detector.rows == 150
    numbers = device()
    for values in numbers.values():
        values[:1190] = np.nan
    with pytest.raises(Unprocessable, match="too few rows with a value"):
        detect(numbers, PCA)


def test_a_detector_looks_whether_its_caller_has_gone():
    asked = []

    def check():
        asked.append(len(asked))
        if len(asked) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fit_detector(frame_of(device()), ["current"], ROBUST, WINDOW, check=check)


def test_the_forest_scores_as_scikit_learn_does():
    from sklearn.ensemble import IsolationForest

    columns = np.random.default_rng(5).normal(size=(400, 6))
    model = fit_isolation_forest(columns)
    z = standardized(columns, model.centre, model.deviation)
    reference = -IsolationForest(n_estimators=100, random_state=42).fit(z).score_samples(z)
    assert np.allclose(model.score(columns).values, reference, rtol=1e-9)


def test_t_squared_and_q_are_those_of_the_covariance():
    random = np.random.default_rng(6)
    columns = random.normal(size=(500, 3)) @ np.array([[1, 1, 0], [0, 0.1, 0], [0, 0, 1.0]])
    model = fit_pca(columns)
    z = standardized(columns, model.centre, model.deviation)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    assert len(model.variances) == 2
    kept = vectors[:, -2:]
    t_squared, q = model.statistics(columns)
    assert np.allclose(t_squared, (np.square(z @ kept) / values[-2:]).sum(axis=1))
    assert np.allclose(q, np.square(z @ vectors[:, 0]))


def test_robust_z_is_that_of_the_median_absolute_deviation_and_finite_without_one():
    values = np.random.default_rng(7).normal(5, 2, size=(2001, 1))
    model = fit_robust_z(values)
    spread = 1.4826022185056018 * np.median(np.abs(values - np.median(values)))
    assert model.deviation[0] == pytest.approx(spread)
    far = np.array([[np.median(values) + 3 * spread], [np.median(values) - 3 * spread]])
    assert model.score(far).values == pytest.approx([3, 3])
    quantised = np.array([[0.0]] * 90 + [[1.0]] * 10)
    assert 0 < fit_robust_z(quantised).score(np.array([[1.0]])).values[0] < 100


def test_the_threshold_grows_with_a_drift_of_the_baseline():
    random = np.random.default_rng(8)
    still = random.normal(size=(400, 2))
    drifting = still + np.linspace(0, 10, 400)[:, np.newaxis]

    def threshold(columns):
        return choose_threshold(fit_robust_z, fit_robust_z(columns), columns, purged=5, check=lambda: None)

    assert threshold(drifting) > 1.5 * (drifting - np.median(drifting)).std() / drifting.std()
    detector, _ = detect(device(), PCA)
    assert replace(detector, threshold=1.0).threshold == 1.0


def pca_threshold(columns):
    return choose_threshold(fit_pca, fit_pca(columns), columns, purged=5, check=lambda: None)


def test_a_block_of_the_baseline_unlike_the_others_does_not_make_pca_blind():
    columns = np.random.default_rng(8).normal(size=(400, 4))
    disturbed = columns.copy()
    disturbed[150:160] += 30.0
    assert pca_threshold(disturbed) < 2 * pca_threshold(columns)


def test_a_baseline_that_drifts_through_all_its_blocks_has_a_higher_pca_threshold():
    columns = np.random.default_rng(9).normal(size=(400, 4))
    assert pca_threshold(columns + np.linspace(0, 10, 400)[:, np.newaxis]) > 1.5 * pca_threshold(columns)


def test_the_pca_threshold_is_twice_the_median_of_the_percentiles_of_four_held_out_blocks():
    columns = np.random.default_rng(10).normal(size=(400, 3))
    percentiles = []
    for first in range(0, 400, 100):
        others = np.r_[0 : max(0, first - 5), min(400, first + 105) : 400]
        scores = fit_pca(columns[others]).score(columns[first : first + 100]).values
        percentiles.append(np.quantile(scores, 0.99))
    assert pca_threshold(columns) == pytest.approx(2 * np.median(percentiles))


def gapped(frame, row, seconds):
    """The same rows, those from `row` on so much later."""
    times = frame.timestamps.copy()
    times[row:] += np.timedelta64(seconds, "s")
    return Frame(timestamps=times, numbers=frame.numbers)


@pytest.mark.parametrize("method", list(AnomalyMethod))
def test_no_window_crosses_a_longer_gap_in_the_baseline_or_in_the_range(method):
    numbers = device()
    # Behind the gap the machine works at another level.
    numbers["temperature"][907:] += 20.0
    frame = gapped(gapped(frame_of(numbers), 907, 3600), 1507, 3600)
    detector = fit_detector(frame.first(BASELINE), list(numbers), method, WindowPlan(size=SIZE, max_gap=5_000_000))
    windows = score_windows(detector, frame, 0.5, threshold=detector.threshold)
    assert (windows.ends - windows.starts == np.timedelta64(SIZE - 1, "s")).all()
    assert np.isin(frame.timestamps[[0, 907, 1507]], windows.starts).all()
    over = score_windows(replace(detector, window=WINDOW), frame, 0.5, threshold=detector.threshold)
    assert (over.ends - over.starts).max() > np.timedelta64(3600, "s")
    shared = np.isin(over.starts, windows.starts)
    assert np.array_equal(over.scores[shared], windows.scores[np.isin(windows.starts, over.starts)])


def test_a_window_between_gaps_has_the_score_it_has_alone():
    frame = gapped(frame_of(device()), 1_003, 60)
    detector = fit_detector(frame.first(BASELINE), list(frame.numbers), PCA, WindowPlan(size=SIZE, max_gap=2_000_000))
    windows = score_windows(detector, frame, 0.5, threshold=detector.threshold)
    for index in range(0, len(windows.starts), 13):
        row = int(np.flatnonzero(frame.timestamps == windows.starts[index])[0])
        alone = score_windows(detector, frame.cut(slice(row, row + SIZE)), 0.5, threshold=detector.threshold)
        assert alone.scores.tolist() == [pytest.approx(windows.scores[index], rel=1e-12)]


def test_rows_that_are_all_between_gaps_are_refused_with_the_longest_stretch():
    frame = frame_of(device())
    detector = fit_detector(frame.first(BASELINE), list(frame.numbers), PCA, WindowPlan(size=SIZE, max_gap=2_000_000))
    sparse = Frame(timestamps=frame.timestamps[0] + np.arange(ROWS) * np.timedelta64(3, "s"), numbers=frame.numbers)
    with pytest.raises(Unprocessable, match=r"no 30 rows follow each other without a gap of more than 2 s.*has 1"):
        score_windows(detector, sparse, 0.5, threshold=1.0)
    with pytest.raises(Unprocessable, match="has too few rows between its gaps"):
        fit_detector(sparse, list(frame.numbers), PCA, WindowPlan(size=SIZE, max_gap=2_000_000))


def test_a_detector_keeps_its_gap_and_an_older_one_has_none():
    frame = frame_of(device())
    detector = fit_detector(frame.first(BASELINE), list(frame.numbers), PCA, WindowPlan(size=SIZE, max_gap=2_000_000))
    head = detector_head(detector)
    assert detector_from_state(head, detector_arrays(detector)).window.max_gap == 2_000_000
    del head["max_gap"]
    assert detector_from_state(head, detector_arrays(detector)).window.max_gap is None


@pytest.mark.parametrize("purged", [0, 1, 7])
def test_a_block_is_scored_by_a_model_that_saw_neither_it_nor_the_windows_beside_it(purged):
    columns = np.arange(100, dtype=float)[:, np.newaxis]
    seen = []

    def fit(rows):
        seen.append(rows[:, 0])
        return fit_robust_z(rows)

    choose_threshold(fit, fit_robust_z(columns), columns, purged=purged, check=lambda: None)
    assert len(seen) == 4
    for number, rows in enumerate(seen):
        first, last = 25 * number, 25 * number + 24
        wanted = [place for place in range(100) if place < first - purged or place > last + purged]
        assert rows.tolist() == wanted
