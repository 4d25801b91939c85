"""What the threshold of each method is on its baseline, and what is said of rows that make no window."""

from types import SimpleNamespace

import numpy as np
import pytest

from feature_service.domain.anomaly.detector import fit_detector, score_windows
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.threshold import choose_threshold
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from penstock_kit.errors import Unprocessable

ROBUST, FOREST = AnomalyMethod.ROBUST_Z, AnomalyMethod.ISOLATION_FOREST
SECOND = 1_000_000


def model_of(method, fitted):
    """A model whose score of a window is its first column less the number of windows it was fitted on."""
    return SimpleNamespace(method=method, score=lambda columns: SimpleNamespace(values=columns[:, 0] - len(fitted)))


def frame_of(rows, every=SECOND):
    times = np.datetime64("2026-01-01", "us") + np.arange(rows) * np.timedelta64(every, "us")
    return Frame(timestamps=times, numbers={"a": np.random.default_rng(1).normal(size=rows)})


@pytest.mark.parametrize(
    ("method", "own", "margin"),
    [
        # Four blocks of 100 held out: 290 windows are left of the others at the ends, 280 in the middle.
        (ROBUST, [290, 280, 280, 290], 1.1),
        (FOREST, [400, 400, 400, 400], 1.07),
    ],
)
def test_the_threshold_is_the_99th_percentile_of_the_baseline_times_the_methods_margin(method, own, margin):
    columns = np.random.default_rng(3).permutation(400.0 + np.arange(400))[:, np.newaxis]
    checked = []

    def fit(windows):
        return model_of(method, windows)

    found = choose_threshold(fit, fit(columns), columns, purged=10, check=lambda: checked.append(1))
    assert found == pytest.approx(np.quantile(columns[:, 0] - np.repeat(own, 100), 0.99) * margin)
    assert len(checked) == (4 if method is ROBUST else 0)


def test_a_baseline_without_a_row_is_too_short_whatever_makes_windows():
    for window, has in ((TimeWindowPlan(size=60 * SECOND), "lasts 0s"), (WindowPlan(size=30), "has 0 rows")):
        with pytest.raises(Unprocessable, match=f"the baseline {has}, at least") as caught:
            fit_detector(frame_of(0), ["a"], ROBUST, window)
        assert caught.value.reason == "BASELINE_INVALID"


def test_rows_to_score_that_are_all_between_gaps_are_refused_with_the_longest_stretch():
    window = WindowPlan(size=30, max_gap=5 * SECOND)
    detector = fit_detector(frame_of(300), ["a"], ROBUST, window)
    with pytest.raises(Unprocessable, match="the longest stretch has 1: take a smaller window_size") as caught:
        score_windows(detector, frame_of(100, every=10 * SECOND), 0.5, threshold=1.0)
    assert caught.value.reason == "WINDOW_LIMIT_EXCEEDED"
