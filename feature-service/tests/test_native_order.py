"""Quantiles of windows that share most of their rows: found in the order of many rows, as in each window's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from feature_service.adapters.native_kernel import compile_library
from feature_service.domain.feature import native_order
from feature_service.domain.feature.native_library import NativeLibrary

TINY = 2.0**-52


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["baseline", "avx2", "newest"])
def library(request, tmp_path_factory):
    """The library for each kind of processor that this one can stand for: what it lacks, it does as an older one."""
    path = tmp_path_factory.mktemp("native") / f"{request.param}.so"
    compile_library(path, extra=(f"-DONLY={request.param}",))
    return NativeLibrary(path)


def in_order(values, step, size, places):
    """What is to be found, by sorting each window."""
    windows = np.sort(sliding_window_view(values, size)[::step], axis=1)
    return np.stack([[windows[:, place], windows[:, min(place + 1, size - 1)]] for place in places])


VALUES = {
    "normal": lambda random, rows: random.normal(size=rows),
    "few": lambda random, rows: random.normal(size=rows).round(),
    "constant": lambda _, rows: np.full(rows, -2.5),
    "zeros": lambda random, rows: np.where(random.random(rows) < 0.5, 0.0, -0.0),
    "alike but for the last bits": lambda random, rows: 1.0 + TINY * random.integers(0, 200, rows),
    "alike below zero": lambda random, rows: -1.0 - TINY * random.integers(0, 200, rows),
    "some alike": lambda random, rows: random.integers(0, 40, rows) + TINY * random.integers(0, 3, rows),
    "least": lambda random, rows: 5e-324 * random.integers(-3, 3, rows),
    "endless": lambda random, rows: random.choice([-np.inf, -1.0, 0.0, 1.0, np.inf], rows),
    "rising": lambda _, rows: np.arange(rows, dtype=np.float64),
    "falling": lambda _, rows: -np.arange(rows, dtype=np.float64),
}


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(VALUES)),
    window=st.tuples(st.one_of(st.integers(1, 40), st.integers(41, 700)), st.floats(0.001, 1.0)),
    more=st.integers(0, 3_000),
    seed=st.integers(0, 2**32),
)
def test_the_values_at_places_are_those_of_each_window_in_order(library, kind, window, more, seed):
    random, size = np.random.default_rng(seed), window[0]
    values, step = VALUES[kind](random, size + more), max(1, int(size * window[1]))
    places = sorted(set(random.integers(0, size, 4).tolist()) | {0, size - 1})
    found = native_order.running_neighbours(library, values, step, size, places)
    assert np.array_equal(found, in_order(values, step, size, places))


def test_values_that_tell_no_order_by_their_first_bits_are_sorted_anew(library, monkeypatch):
    """Putting them in order one by one would take the square of their number."""
    sorted_anew = []
    monkeypatch.setattr(np, "argsort", lambda values: sorted_anew.append(len(values)) or values.argsort())
    random = np.random.default_rng(1)
    native_order.running_neighbours(library, VALUES["normal"](random, 4_000), 10, 100, [50])
    assert sorted_anew == []
    alike = VALUES["alike but for the last bits"](random, 4_000)
    assert np.array_equal(
        native_order.running_neighbours(library, alike, 10, 100, [50]), in_order(alike, 10, 100, [50])
    )
    assert sum(sorted_anew) >= len(alike)


@pytest.mark.parametrize(
    ("values", "step", "size", "places", "message"),
    [
        (np.zeros(10, dtype=np.float32), 1, 5, [0], "a contiguous array of float64 is needed, not float32"),
        (np.zeros(20)[::2], 1, 5, [0], "a contiguous array of float64 is needed"),
        (np.zeros((2, 5)), 1, 2, [0], "a contiguous array of float64 is needed"),
        (np.zeros(4), 1, 5, [0], "no windows of 5 values, one every 1, are in 4"),
        (np.zeros(4), 0, 2, [0], "one every 0"),
        (np.zeros(4), 3, 2, [0], "one every 3"),
        (np.zeros(9), 1, 5, [5], "have no places"),
        (np.zeros(9), 1, 5, [-1], "have no places"),
        (np.zeros(9), 1, 5, [3, 1], "have no places"),
    ],
)
def test_what_is_not_there_never_reaches_the_library(values, step, size, places, message):
    with pytest.raises(ValueError, match=message):
        native_order.running_neighbours(None, values, step, size, places)
