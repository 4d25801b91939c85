"""A data set as one table, CSV or Parquet: split, device_code, timestamp, label, then the features."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


def write_csv(arrays: Path, path: Path) -> None:
    """Write the arrays in the .npz file `arrays` as CSV, texts as they are: a label ``-1`` must stay that label."""
    pyarrow.csv.write_csv(_table(arrays), path)


def write_parquet(arrays: Path, path: Path) -> None:
    """Write the arrays in the .npz file `arrays` as Parquet."""
    pyarrow.parquet.write_table(_table(arrays), path)


def _table(arrays: Path) -> Any:
    with np.load(arrays) as loaded:
        parts = [_part(loaded, "train"), _part(loaded, "val")]
    return pa.concat_tables(parts)


def _part(loaded: Any, part: str) -> Any:
    features = loaded[f"X_{part}"]
    rows = len(features)
    columns: dict[str, Any] = {
        "split": pa.array([part] * rows),
        "device_code": pa.array(loaded[f"device_{part}"].tolist()),
        "timestamp": pa.array(loaded[f"start_{part}"]).cast(pa.timestamp("us", tz="UTC")),
        "label": pa.array(loaded[f"y_{part}"].tolist()),
    }
    # Named by position: a feature could be called like one of the columns before.
    names = [*columns, *loaded["feature_names"].tolist()]
    return pa.Table.from_arrays([*columns.values(), *(pa.array(column) for column in features.T)], names=names)
