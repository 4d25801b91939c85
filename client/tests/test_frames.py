"""Answers with numbers, one step from pandas."""

import pytest

from penstock_client.frames import Rows

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
