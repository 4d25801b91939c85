"""Answers with numbers, one step from pandas."""

import sys

import pytest

from penstock_client.frames import FeatureMatrix, Rows

ROWS = [
    {"timestamp": "2026-01-31T08:00:00Z", "pressure": 2.0},
    {"timestamp": "2026-01-31T08:00:01.5Z", "pressure": 2.1},
]


def test_a_frame_of_rows_that_are_not_all_there_are_warns():
    pytest.importorskip("pandas")
    with pytest.warns(UserWarning, match="these are 2 rows of more: ask for a shorter range"):
        frame = Rows(rows=ROWS, row_count=2, truncated=True).to_pandas()
    assert list(frame["pressure"]) == [2.0, 2.1]


@pytest.mark.filterwarnings("error")
def test_a_frame_of_all_rows_is_silent():
    pytest.importorskip("pandas")
    assert len(Rows(rows=ROWS, row_count=2, truncated=False).to_pandas()) == 2


def test_a_frame_of_rows_is_indexed_by_time_in_utc():
    pandas = pytest.importorskip("pandas")
    rows = [*ROWS, {"timestamp": "2026-01-31T10:00:02+02:00", "state": "on"}]
    frame = Rows(rows=rows, row_count=3, truncated=False).to_pandas()
    assert frame.index.name == "timestamp"
    times = ("2026-01-31T08:00:00Z", "2026-01-31T08:00:01.5Z", "2026-01-31T08:00:02Z")
    assert list(frame.index) == [pandas.Timestamp(time) for time in times]
    assert list(frame.columns) == ["pressure", "state"]
    assert frame["pressure"].isna().tolist() == [False, False, True]


def test_a_frame_of_no_rows_is_empty():
    pytest.importorskip("pandas")
    assert len(Rows(rows=[], row_count=0, truncated=False).to_pandas()) == 0


def test_a_frame_of_features_has_their_names_the_times_of_the_windows_and_nan_for_what_is_undefined():
    pandas = pytest.importorskip("pandas")
    matrix = FeatureMatrix(
        features=[[1, None], [2, 3.5]],
        feature_names=["pressure_mean", "pressure_std"],
        timestamps=["2026-01-31T08:00:00Z", "2026-01-31T08:00:10.25Z"],
        metadata={},
    )
    frame = matrix.to_pandas()
    assert list(frame.columns) == ["pressure_mean", "pressure_std"]
    assert {str(kind) for kind in frame.dtypes} == {"float64"}
    assert frame.isna().to_numpy().tolist() == [[False, True], [False, False]]
    assert frame.index.name == "timestamp"
    assert list(frame.index) == [pandas.Timestamp(time) for time in matrix.timestamps]


def test_without_pandas_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'penstock-client\[pandas\]'"):
        Rows(rows=ROWS, row_count=2, truncated=False).to_pandas()
