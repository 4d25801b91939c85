"""The types of the NumPy arrays in the domain: numbers, masks, indices, times and texts."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
"""Numbers; NaN stands for a missing value."""

BoolArray: TypeAlias = NDArray[np.bool_]
IndexArray: TypeAlias = NDArray[np.int64]
TimeArray: TypeAlias = NDArray[np.datetime64]
"""``datetime64[us]`` in UTC."""

TextArray: TypeAlias = NDArray[np.object_]
"""Text (str); None stands for a missing value."""
