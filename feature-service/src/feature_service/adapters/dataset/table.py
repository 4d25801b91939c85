"""A data set as one table, CSV or Parquet: split, device_code, timestamp, label, then the features.

The arrays are read and written some rows at a time, in memory that does not grow with them.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from feature_service.adapters.dataset.npz_member import NpzMember, open_members

BLOCK_BYTES: Final = 16 * 1024 * 1024
"""Features that are in memory at once; they are there three times while they are written."""
_LABELS: Final = {"i": pa.int64(), "f": pa.float64(), "U": pa.string()}


def write_csv(arrays: Path, path: Path, *, block_bytes: int = BLOCK_BYTES) -> None:
    """Write the arrays in the .npz file `arrays` as CSV, texts as they are: a label ``-1`` must stay that label."""
    members = open_members(arrays)
    with pyarrow.csv.CSVWriter(path, _schema(members)) as writer:
        for table in _tables(members, block_bytes):
            writer.write_table(table)


def write_parquet(arrays: Path, path: Path, *, block_bytes: int = BLOCK_BYTES) -> None:
    """Write the arrays in the .npz file `arrays` as Parquet."""
    members = open_members(arrays)
    with pyarrow.parquet.ParquetWriter(path, _schema(members)) as writer:
        for table in _tables(members, block_bytes):
            writer.write_table(table)


def _schema(members: Mapping[str, NpzMember]) -> Any:
    fields: list[tuple[str, Any]] = [
        ("split", pa.string()),
        ("device_code", pa.string()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
        ("label", _LABELS[members["y_train"].dtype.kind]),
    ]
    # A feature could be called like one of the columns before: they are told apart by position.
    return pa.schema([*fields, *((name, pa.float64()) for name in members["feature_names"].whole().tolist())])


def _tables(members: Mapping[str, NpzMember], block_bytes: int) -> Iterator[Any]:
    schema = _schema(members)
    rows = max(1, block_bytes // (8 * len(schema)))
    for part in ("train", "val"):
        for start in range(0, len(members[f"X_{part}"]), rows):
            yield _table(members, part, schema, start, start + rows)


def _table(members: Mapping[str, NpzMember], part: str, schema: Any, start: int, stop: int) -> Any:
    features = members[f"X_{part}"].rows(start, stop)
    columns = [
        pa.array([part] * len(features)),
        pa.array(members[f"device_{part}"].rows(start, stop).tolist(), pa.string()),
        pa.array(members[f"start_{part}"].rows(start, stop)).cast(pa.timestamp("us", tz="UTC")),
        pa.array(members[f"y_{part}"].rows(start, stop).tolist(), schema.field(3).type),
        *(pa.array(column) for column in features.T),
    ]
    return pa.Table.from_arrays(columns, schema=schema)
