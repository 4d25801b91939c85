"""Features as a file: Arrow (the form that pandas and polars call Feather and IPC), Parquet, NumPy's .npz.

NaN, an undefined feature, is null in Arrow and Parquet. What was fitted and the options are in the metadata.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyarrow has no type information.

import zipfile
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from feature_service.domain.model.array import FloatArray, TimeArray
from feature_service.domain.query.feature_export import ExportFormat, FeatureSummary

_VALUES: Final = 1_000_000

CONTENT_TYPES: Final = {
    ExportFormat.ARROW: "application/vnd.apache.arrow.file",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.NPZ: "application/x-npz",
}


def write_features(
    file: IO[bytes], file_format: ExportFormat, summary: FeatureSummary, values: FloatArray, metadata: str
) -> None:
    """Write the windows into `file`, few at a time; `metadata` is JSON text."""
    names, starts = summary.names, summary.starts
    match file_format:
        case ExportFormat.NPZ:
            _write_npz(file, names, starts, values, metadata)
        case ExportFormat.ARROW:
            schema = _schema(names, metadata)
            with pa.ipc.new_file(file, schema) as writer:
                for batch in _batches(schema, starts, values):
                    writer.write_batch(batch)
        case ExportFormat.PARQUET:
            schema = _schema(names, metadata)
            with parquet.ParquetWriter(file, schema) as writer:
                for batch in _batches(schema, starts, values):
                    writer.write_batch(batch)


def row_blocks(values: FloatArray) -> Iterator[slice]:
    """Yield the rows in blocks of a bounded number of values."""
    height = max(1, _VALUES // max(1, values.shape[1]))
    for start in range(0, len(values), height):
        yield slice(start, start + height)


def _schema(names: tuple[str, ...], metadata: str) -> Any:
    fields = [pa.field("timestamp", pa.timestamp("us", tz="UTC")), *(pa.field(name, pa.float64()) for name in names)]
    return pa.schema(fields, metadata={"penstock": metadata})


def _batches(schema: Any, starts: TimeArray, values: FloatArray) -> Iterator[Any]:
    for part in row_blocks(values):
        times = pa.array(starts[part].astype("int64")).cast(schema.field(0).type)
        columns = [pa.array(column, from_pandas=True) for column in np.ascontiguousarray(values[part].T)]
        yield pa.record_batch([times, *columns], schema=schema)


def _write_npz(file: IO[bytes], names: tuple[str, ...], starts: TimeArray, values: FloatArray, metadata: str) -> None:
    arrays: dict[str, Any] = {
        "features": values,
        "feature_names": np.array(names, dtype=np.str_),
        "timestamps": starts,
        "metadata": np.array(metadata),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                _write_array(entry, array)


def _write_array(entry: IO[bytes], array: Any) -> None:
    """Write an .npy; a matrix row by row, so that a mapped one is not read whole."""
    if array.ndim < 2:
        np.lib.format.write_array(entry, array, allow_pickle=False)
        return
    header = {"descr": "<f8", "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(entry, header)
    for part in row_blocks(array):
        entry.write(np.ascontiguousarray(array[part]).astype("<f8", copy=False).tobytes())
