"""A data set as NumPy's .npz: X_train, y_train, X_val, y_val and what says where each window is from.

Labels that are whole numbers are int64, other numbers float64, texts fixed-width unicode: no array needs pickle.
"""

from pathlib import Path
from typing import Any

import numpy as np

from feature_service.domain.dataset.build import BuiltDataset
from feature_service.domain.dataset.label import Classes
from feature_service.domain.model.array import IndexArray


def write_npz(path: Path, built: BuiltDataset) -> None:
    """Write the arrays to `path`."""
    train, check = built.training, built.validation
    with path.open("wb") as file:
        np.savez(
            file,
            X_train=train.features,
            y_train=_labels(train.labels, built.classes),
            X_val=check.features,
            y_val=_labels(check.labels, built.classes),
            feature_names=np.array(built.feature_names, dtype=np.str_),
            start_train=train.starts,
            start_val=check.starts,
            device_train=train.device_codes.astype(np.str_),
            device_val=check.device_codes.astype(np.str_),
            purity_train=train.purity,
            purity_val=check.purity,
        )


def _labels(codes: IndexArray, classes: Classes) -> "np.ndarray[Any, Any]":
    labels = np.array(classes.labels)
    if labels.dtype.kind == "f" and bool((labels == labels.round()).all() and (abs(labels) < 2.0**63).all()):
        labels = labels.astype(np.int64)
    return labels[codes]
