"""Features of the periodogram. A window with no power (constant, or a single row) has 0 for each."""

import numpy as np

from feature_service.domain.feature.registration import feature
from feature_service.domain.feature.window_block import WindowBlock
from feature_service.domain.model.array import FloatArray


@feature("frequency of the strongest periodogram bin but DC, in cycles per row (0 to 0.5)", transforms=True)
def spectral_peak(block: WindowBlock) -> FloatArray:
    """Return the frequency of the strongest bin, the lowest one of equals, in cycles per row."""
    if block.power.shape[1] == 0:
        return np.zeros(len(block.values))
    return np.where(block.total_power > 0, block.frequencies[block.power.argmax(axis=1)], 0.0)


@feature("mean frequency weighted by the periodogram without DC, in cycles per row", transforms=True)
def spectral_centroid(block: WindowBlock) -> FloatArray:
    """Return the mean frequency, weighted by power, in cycles per row."""
    return _over_total(block, np.vecdot(block.power, block.frequencies))


@feature("Shannon entropy of the normalised periodogram without DC, over its maximum (0 to 1)", transforms=True)
def spectral_entropy(block: WindowBlock) -> FloatArray:
    """Return the entropy of the power's distribution over the bins as a share of the largest possible."""
    bins = block.power.shape[1]
    if bins <= 1:
        return np.zeros(len(block.values))
    # Rounding can leave -0.0 or a hair over 1.
    return np.clip(block.power_entropy / np.log(bins), 0.0, 1.0)


def _over_total(block: WindowBlock, weighted: FloatArray) -> FloatArray:
    return np.divide(weighted, block.total_power, out=np.zeros_like(weighted), where=block.total_power > 0)
