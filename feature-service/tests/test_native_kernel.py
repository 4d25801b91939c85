"""The native kernel beside NumPy's: the same to the bit, whatever the rows, and never past their end."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.adapters.native_kernel import compile_library
from feature_service.domain.feature import kernel, native_sums
from feature_service.domain.feature.catalog import feature_names, registered_features
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.native_library import NativeLibrary
from feature_service.domain.feature.window import WindowPlan

NAMES = tuple(name for name in feature_names() if name != "slope_per_second")
FREQUENT = tuple(name for name in NAMES if name != "missing_ratio" and not registered_features()[name].transforms)
KINDS = ("normal", "far", "few", "zeros", "constant", "tiny", "huge", "endless", "holed", "empty", "any")
SAMPLES = (0.0, -0.0, 5e-324, -2.3e-308, 1e-300, 1e150, -1e308, np.inf, -np.inf, np.nan, 1.0, 1e6 + 0.01)


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["baseline", "avx2", "newest"])
def library(request, tmp_path_factory):
    """The library for each kind of processor that this one can stand for: what it lacks, it does as an older one."""
    path = tmp_path_factory.mktemp("native") / f"{request.param}.so"
    compile_library(path, extra=(f"-DONLY={request.param}",))
    return NativeLibrary(path)


def series_of(kind, rows, seed):
    random = np.random.default_rng(seed)
    normal = random.normal(size=rows)
    return {
        "normal": normal.cumsum,
        "far": lambda: 1e6 + 0.01 * normal,
        "few": lambda: normal.round(1),
        "zeros": lambda: np.where(normal > 0, 0.0, -0.0),
        "constant": lambda: np.full(rows, normal[0]),
        "tiny": lambda: normal * 1e-310,
        "huge": lambda: normal * 1e200,
        "endless": lambda: np.where(random.random(rows) < 0.01, np.inf, normal),
        "holed": lambda: np.where(random.random(rows) < 0.05, np.nan, normal),
        "empty": lambda: np.full(rows, np.nan),
        "any": lambda: random.choice(SAMPLES, size=rows),
    }[kind]()


def with_kernel(library, values, plan, names=NAMES, starts=None):
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(kernel, "native_library", lambda: library)
        return window_features(values, plan, names, None, starts)


def bits(features):
    """The bits of numbers; any NaN is like any other."""
    return np.where(np.isnan(features), np.nan, features).view(np.int64)


@settings(max_examples=150, deadline=None)
@given(
    plan=st.builds(
        WindowPlan,
        size=st.one_of(st.integers(1, 40), st.integers(41, 1_000)),
        overlap=st.sampled_from([0.0, 0.3, 0.5, 0.75, 0.9, 0.99]),
    ),
    kind=st.sampled_from(KINDS),
    more=st.integers(0, 400),
    seed=st.integers(0, 2**32),
)
def test_features_are_the_same_to_the_bit_with_either_kernel(library, plan, kind, more, seed):
    values = series_of(kind, plan.size + more, seed)
    ours, numpy = (bits(with_kernel(each, values, plan)) for each in (library, None))
    differing = [name for name, same in zip(NAMES, (ours == numpy).all(axis=0), strict=True) if not same]
    assert not differing


@settings(max_examples=40, deadline=None)
@given(data=st.data(), kind=st.sampled_from(KINDS), size=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_windows_that_begin_anywhere_are_the_same_to_the_bit(library, data, kind, size, seed):
    values = series_of(kind, size + 100, seed)
    starts = np.array(data.draw(st.lists(st.integers(0, 100), max_size=9)), dtype=np.int64)
    ours, numpy = (with_kernel(each, values, WindowPlan(size=size), NAMES, starts) for each in (library, None))
    assert np.array_equal(bits(ours), bits(numpy))


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_long_windows_are_the_same_to_the_bit(library, size):
    values = series_of("normal", size + 3, 1)
    plan = WindowPlan(size=size, overlap=0.0)
    assert np.array_equal(*(bits(with_kernel(each, values, plan)) for each in (library, None)))


@pytest.mark.parametrize("name", FREQUENT)
def test_a_feature_is_the_same_whether_it_is_asked_for_alone_or_with_others(library, name):
    values, plan = series_of("few", 3_000, 4), WindowPlan(size=100)
    alone = with_kernel(library, values, plan, (name,))
    assert np.array_equal(alone[:, 0], with_kernel(library, values, plan)[:, NAMES.index(name)])


def test_rows_that_do_not_lie_side_by_side_are_the_same(library):
    values = series_of("normal", 4_000, 3)
    plan = WindowPlan(size=64)
    every_other = with_kernel(library, values[::2], plan)
    assert np.array_equal(every_other, with_kernel(library, values[::2].copy(), plan))


def test_threads_compute_at_once(library):
    fields = [series_of("normal", 60_000, seed) for seed in range(8)]
    plan = WindowPlan(size=64, overlap=0.9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "native_library", lambda: library)
        alone = [window_features(values, plan, FREQUENT).tobytes() for values in fields]
        with ThreadPoolExecutor(4) as pool:
            together = pool.map(lambda values: window_features(values, plan, FREQUENT).tobytes(), fields)
            assert list(together) == alone


def test_sums_and_extremes_are_the_library_s(library):
    """Were they NumPy's after all, every other test would pass, and take longer."""
    told = []

    class Told:
        def __getattr__(self, name):
            told.append(name)
            return getattr(library, name)

    with_kernel(Told(), series_of("normal", 1_000, 1), WindowPlan(size=100, overlap=0.7), FREQUENT)
    assert told == ["level", "shape"]
    told.clear()
    with_kernel(Told(), series_of("normal", 1_000, 1), WindowPlan(size=100, overlap=0.9), FREQUENT)
    assert sorted(told) == ["level", "running", "shape", "tagged", "untagged"]
    told.clear()
    with_kernel(Told(), series_of("normal", 1_000, 1), WindowPlan(size=100), FREQUENT)
    assert sorted(told) == ["level", "ranks", "ranks", "ranks", "shape"]


@pytest.mark.parametrize(
    ("values", "starts", "size", "message"),
    [
        (np.zeros(10), [0, 6], 5, "windows of 5 rows from 0 to 6 on do not lie in 10 values"),
        (np.zeros(10), [-1], 5, "from -1 to -1 on do not lie"),
        (np.zeros(4), [0], 5, "windows of 5 rows from 0 to 0 on do not lie in 4 values"),
        (np.zeros(10), [0], 0, "a window has at least one row, not 0"),
        (np.zeros(10, dtype=np.float32), [0], 5, "a contiguous array of 10 float64 is needed, not float32"),
        (np.zeros(20)[::2], [0], 5, "a contiguous array of 10 float64 is needed"),
        (np.zeros((2, 5)), [0], 5, "a contiguous array of 2 float64 is needed"),
    ],
)
def test_windows_that_do_not_lie_in_the_rows_never_reach_the_library(values, starts, size, message):
    with pytest.raises(ValueError, match=message):
        native_sums.level(None, values, np.array(starts, dtype=np.int64), size)
    with pytest.raises(ValueError, match=message):
        native_sums.shape(None, values, np.array(starts, dtype=np.int64), np.zeros(size), np.zeros(len(starts)))


def test_starts_of_another_kind_and_too_few_means_never_reach_the_library():
    values, positions = np.zeros(10), np.zeros(5)
    with pytest.raises(ValueError, match="2 int64 is needed, not int32"):
        native_sums.level(None, values, np.zeros(2, dtype=np.int32), 5)
    with pytest.raises(ValueError, match="a contiguous array of 2 float64 is needed"):
        native_sums.shape(None, values, np.zeros(2, dtype=np.int64), positions, np.zeros(1))
    with pytest.raises(ValueError, match="a contiguous array of 5 float64 is needed"):
        native_sums.shape(None, values, np.zeros(2, dtype=np.int64), np.zeros(10)[::2], np.zeros(2))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(1, 9).flatmap(
        lambda size: st.lists(
            st.lists(st.sampled_from([-np.inf, -1.5, 0.0, 1.0, 1.0, 2.5, np.inf]), min_size=size, max_size=size),
            min_size=1,
            max_size=4,
        )
    )
)
def test_each_place_in_two_ordered_runs_together_is_found(library, rows):
    runs = np.sort(np.array(rows), axis=1)
    together = [sorted([*one, *other]) for one, other in pairwise(runs.tolist())]
    for place in range(2 * runs.shape[1]):
        at, behind = native_sums.ranks(library, runs, place).tolist()
        assert at == [each[place] for each in together]
        assert behind == [each[min(place + 1, len(each) - 1)] for each in together]


@pytest.mark.parametrize(
    ("runs", "place"),
    [
        (np.zeros((3, 4)), 8),
        (np.zeros((3, 4)), -1),
        (np.zeros((0, 4)), 0),
        (np.zeros((3, 8))[:, ::2], 0),
        (np.zeros((3, 4), dtype=np.float32), 0),
    ],
)
def test_places_that_are_not_there_and_runs_of_another_kind_never_reach_the_library(runs, place):
    with pytest.raises(ValueError, match=r"have no place|float64 is needed"):
        native_sums.ranks(None, runs, place)


def test_no_windows_have_no_numbers(library):
    none = np.zeros(0, dtype=np.int64)
    assert native_sums.level(library, np.zeros(3), none, 5).shape == (5, 0)
    assert native_sums.shape(library, np.zeros(3), none, np.zeros(5), np.zeros(0)).shape == (6, 0)
