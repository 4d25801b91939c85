"""Rows in any order become rows of ascending times, as pandas would make them."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.domain.ingest.merge import merged
from feature_service.domain.model.frame import Frame

rows = st.lists(
    st.tuples(st.integers(0, 6), st.one_of(st.just(np.nan), st.integers(0, 9)), st.sampled_from([None, "x", "y"])),
    min_size=1,
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(rows=rows)
def test_of_rows_at_one_time_the_last_value_of_each_field_counts(rows):
    times = np.array([row[0] for row in rows], dtype="datetime64[us]")
    texts = np.empty(len(rows), dtype=object)
    texts[:] = [row[2] for row in rows]
    frame = Frame(timestamps=times, numbers={"n": np.array([row[1] for row in rows], dtype=float)}, texts={"t": texts})
    result = merged(frame)
    expected = pd.DataFrame({"ts": times, "n": frame.numbers["n"], "t": texts}).groupby("ts").last()
    assert result.timestamps.tolist() == sorted(set(times.tolist()))
    np.testing.assert_array_equal(result.numbers["n"], expected["n"].to_numpy(dtype=float))
    assert result.texts["t"].tolist() == [value if isinstance(value, str) else None for value in expected["t"]]


def test_rows_in_order_are_left_as_they_are():
    frame = Frame(timestamps=np.arange(3).astype("datetime64[us]"), numbers={"n": np.arange(3.0)})
    assert merged(frame) is frame
