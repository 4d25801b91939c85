"""The windows of rows that come in blocks: where a block ends changes neither them nor what is told of gaps."""

from itertools import accumulate, pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from feature_service.domain.extraction.extract import CleanRows
from feature_service.domain.extraction.window_carry import WindowCarry
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame

MAX_GAP = 5
SIZE = 3
STEP = 2


def rows_at(times):
    frame = Frame(
        timestamps=np.array(times, dtype=np.int64).astype("datetime64[us]"), numbers={"x": np.array(times, float)}
    )
    no = np.zeros(len(times), dtype=np.bool_)
    return CleanRows(frame=frame, absent={"x": no}, kept=~no)


def stretches_of(times):
    """The times, parted where two that follow each other are more than the gap apart."""
    stretches = [[time] for time in times[:1]]
    for before, time in pairwise(times):
        if time - before > MAX_GAP:
            stretches.append([])
        stretches[-1].append(time)
    return stretches


# A gap before, at and behind the end of a block; two in a block; a block of no row, and of one; a gap of exactly the
# most that is allowed.
@example(steps=[1, 6, 1, 1, 1, 1], blocks=[2, 4])
@example(steps=[1, 1, 6, 1, 1, 1], blocks=[2, 4])
@example(steps=[1, 1, 1, 6, 1, 1], blocks=[2, 4])
@example(steps=[1, 6, 6, 1, 5, 1, 1], blocks=[3, 0, 1, 3])
@example(steps=[1, 1, 1, 1, 6, 1], blocks=[6])
@given(
    steps=st.lists(st.sampled_from([1, 5, 6, 50]), max_size=30),
    blocks=st.lists(st.integers(0, 8), min_size=1, max_size=8),
)
def test_the_end_of_a_block_changes_neither_the_windows_nor_the_longest_stretch(steps, blocks):
    ends = [0, *accumulate(blocks)]
    times = list(accumulate(steps))[: ends[-1]]
    carry = WindowCarry(WindowPlan(size=SIZE, overlap=1 / 3, max_gap=MAX_GAP), ("min", "max"), lambda: None)
    made, longest = [], []
    for begin, end in pairwise(ends):
        starts, features = carry.cut(rows_at(times[begin:end]))
        assert features.shape == (len(starts), 2)
        made += [(int(at), *row) for at, row in zip(starts.astype(np.int64), features.tolist(), strict=True)]
        longest.append(carry.longest)
    windows = [
        (stretch[first], stretch[first], stretch[first + SIZE - 1])
        for stretch in stretches_of(times)
        for first in range(0, len(stretch) - SIZE + 1, STEP)
    ]
    assert made == windows
    assert longest == [max(map(len, stretches_of(times[:end])), default=0) for end in ends[1:]]
    assert carry.rows == len(times)
    assert carry.end() is None


def test_without_a_longest_gap_no_stretch_is_counted():
    carry = WindowCarry(WindowPlan(size=SIZE, overlap=0), ("min",), lambda: None)
    found = [carry.cut(rows_at(block))[0].astype(np.int64).tolist() for block in ([1, 2, 900], [901, 5000], [9000])]
    assert (found, carry.longest, carry.rows) == ([[1], [], [901]], 0, 6)
