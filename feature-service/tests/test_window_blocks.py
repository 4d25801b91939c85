"""Blocks of windows: computed in the same memory one after the other, and each as if it were alone."""

from itertools import pairwise

import numpy as np
import pytest

from feature_service.domain.feature import block_series, kernel
from feature_service.domain.feature.block_scratch import BlockScratch
from feature_service.domain.feature.catalog import feature_names, registered_features
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_block import WindowBlock

NAMES = tuple(name for name in feature_names() if name != "slope_per_second")
pytestmark = pytest.mark.usefixtures("each_kernel")
LARGE = ("centred", "squares", "ordered", "power")


def series_of(rows):
    """A walk with a constant stretch, zeros of both signs and a few missing values."""
    values = np.random.default_rng(5).normal(size=rows).cumsum()
    values[100:180] = 3.5
    values[200:230] = np.where(np.arange(30) % 3, 0.0, -0.0)
    values[[301, 302, 340]] = np.nan
    return values


def blocks_of(scratch, *every):
    positions = np.arange(scratch.size, dtype=np.float64)
    return [WindowBlock(values, positions, scratch=scratch) for values in every]


@pytest.mark.parametrize("name", LARGE)
def test_one_block_after_the_other_is_computed_in_the_same_memory(name):
    values = np.random.default_rng(1).normal(size=(2, 3, 16))
    first, second = blocks_of(BlockScratch(3, 16), values[0], values[1])
    assert np.shares_memory(getattr(first, name), getattr(second, name))
    own, other = blocks_of(BlockScratch(3, 16), values[0]) + blocks_of(BlockScratch(3, 16), values[1])
    assert getattr(second, name).tobytes() == getattr(other, name).tobytes()
    assert not np.shares_memory(getattr(own, name), getattr(other, name))


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 16, 17, 40])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
def test_windows_have_the_same_features_to_the_bit_in_blocks_of_any_height(monkeypatch, size, overlap):
    values, plan = series_of(500), WindowPlan(size=size, overlap=overlap)
    whole = window_features(values, plan, NAMES)
    for height in (1, 3, 7):  # the last block is lower than the others
        for name in ("_BLOCK_BYTES", "_NATIVE_BLOCK_BYTES"):
            monkeypatch.setattr(block_series, name, 8 * size * height)
        assert window_features(values, plan, NAMES).tobytes() == whole.tobytes()


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 10, 17, 25, 64, 65])
def test_crossings_are_counted_in_windows_of_any_length(size):
    values = np.random.default_rng(size).normal(size=(5, size)).round(1)
    values[4] = 0.0
    scratch = BlockScratch(5, size)
    for part in (values, -values[:3]):  # what was counted before is not counted again
        (block,) = blocks_of(scratch, part)
        for name, above in (
            ("zero_crossings", part > 0),
            ("mean_crossings", part > part.mean(axis=1, keepdims=True)),
        ):
            expected = [sum(a != b for a, b in pairwise(row)) for row in above.tolist()]
            assert registered_features()[name].compute(block).tolist() == expected


@pytest.mark.parametrize("ordering", ["median", "q25", "q75"])
def test_extremes_are_taken_of_ordered_values_where_others_need_them_and_are_the_same(ordering):
    values, plan = series_of(400), WindowPlan(size=32, overlap=0.5)
    alone = window_features(values, plan, ("min", "max", "range"))
    beside = window_features(values, plan, ("min", "max", "range", ordering))
    assert np.array_equal(beside[:, :3], alone)
    block = WindowBlock(values[:32][np.newaxis, :], np.arange(32.0))
    registered_features()[ordering].compute(block)
    block.ordered[0, [0, -1]] = (-99.0, 99.0)
    assert (block.lowest.tolist(), block.highest.tolist()) == ([-99.0], [99.0])


def test_features_of_the_order_are_computed_before_all_others():
    first = registered_features()["median"].compute
    assert next(compute for _, compute in kernel._in_turn(("min", "mean", "median"))) is first


def test_power_in_one_bin_alone_has_no_entropy_and_even_power_all_of_it():
    turn = np.sin(2 * np.pi * np.arange(64) / 16)
    impulse = np.zeros(64)
    impulse[5] = 1.0
    names = ("spectral_entropy", "spectral_peak")
    found = [window_features(each, WindowPlan(size=64), names)[0] for each in (turn, impulse, np.ones(64))]
    assert found[0].tolist() == [pytest.approx(0.0, abs=1e-12), 1 / 16]
    shares = np.array([2.0] * 31 + [1.0]) / 63  # an impulse has all frequencies; the last bin stands for one, not two
    assert found[1][0] == pytest.approx(-(shares * np.log(shares)).sum() / np.log(32), rel=1e-12)
    assert found[2].tolist() == [0.0, 0.0]
