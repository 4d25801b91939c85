"""A matrix in an unnamed file: as large as the disk allows, and gone when nobody has it open."""

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from feature_service.domain.model.array import FloatArray
from penstock_kit.errors import Unavailable


class DiskMatrix:
    """See :class:`feature_service.domain.query.feature_export.MatrixFile` for what the methods promise."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._values: FloatArray = np.empty((0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._values = np.empty((0, 0))
        self._file.close()

    @property
    def values(self) -> FloatArray:
        """The matrix."""
        return self._values

    def allocate(self, rows: int, columns: int) -> None:
        """Reserve the blocks: a write to a mapped file that the disk has no room for would end the process."""
        size = rows * columns * 8
        if size == 0:
            self._values = np.empty((rows, columns))
            return
        try:
            os.posix_fallocate(self._file.fileno(), 0, size)
        except OSError as error:
            raise Unavailable(
                f"the answer of {size / 1e6:.0f} MB can't be put aside: {error.strerror}", reason="STORAGE_UNAVAILABLE"
            ) from error
        self._values = np.memmap(self._file, dtype="<f8", mode="r+", shape=(rows, columns))

    def write(self, first_row: int, first_column: int, values: Any) -> None:
        """Write rows of some columns."""
        rows, columns = values.shape
        self._values[first_row : first_row + rows, first_column : first_column + columns] = values

    def keep(self, rows: int) -> None:
        """Leave out all but the first rows."""
        self._values = self._values[:rows]
