"""Arrays of an .npz file of any size, some rows at a time: its members lie in it as they are, not compressed."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

_LOCAL_HEADER: Final = 30
"""Bytes before the name of a member; the lengths of the name and of what is extra are its last four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NpzMember:
    """An array in a file, from `offset` bytes on; its rows, or with `is_by_column` its columns, behind each other."""

    path: Path
    offset: int
    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    is_by_column: bool = False

    def __len__(self) -> int:
        return self.shape[0]

    def rows(self, start: int, stop: int) -> "np.ndarray[Any, Any]":
        """Return the rows from `start` to before `stop`."""
        stop = min(stop, len(self))
        if self.is_by_column:
            return np.array(np.memmap(self.path, self.dtype, "r", self.offset, self.shape, "F")[start:stop])
        width = int(np.prod(self.shape[1:], dtype=np.int64))
        count, before = (stop - start) * width, start * width * self.dtype.itemsize
        found = np.fromfile(self.path, self.dtype, count, offset=self.offset + before)
        return found.reshape(stop - start, *self.shape[1:])

    def whole(self) -> "np.ndarray[Any, Any]":
        """Return all rows."""
        return self.rows(0, len(self))


def open_members(path: Path) -> dict[str, NpzMember]:
    """Return the arrays of a file that `numpy.savez` wrote, by their names. ValueError for one that is compressed."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        return {info.filename.removesuffix(".npy"): _member(path, file, info) for info in archive.infolist()}


def _member(path: Path, file: Any, info: zipfile.ZipInfo) -> NpzMember:
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{info.filename} of {path} is compressed; its rows can't be read by themselves")
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_by_column, dtype = read(file)
    is_by_column = is_by_column and len(shape) > 1
    return NpzMember(path=path, offset=file.tell(), dtype=dtype, shape=shape, is_by_column=is_by_column)
