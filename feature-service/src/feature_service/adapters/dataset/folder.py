"""DatasetFiles in a folder: one subfolder per data set, the arrays as .npz, other forms made of them on demand.

Several replicas may use one folder: what is there is whole, and each may make a form that another makes too.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from feature_service.domain.dataset.record import WHOLE_FILE, ByteRange, DatasetDownload, FileFormat
from penstock_kit.errors import NotFound, Unavailable
from penstock_kit.home import ensure_home
from penstock_kit.ids import new_id

if TYPE_CHECKING:
    from feature_service.domain.dataset.build import BuiltDataset

_CHUNK: Final = 256 * 1024
_OWNER_FILE: Final = ".owner"
_CONTENT_TYPES: Final = {
    FileFormat.NPZ: "application/x-npz",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}


class DatasetFolder:
    """See :class:`feature_service.domain.dataset.record.DatasetFiles` for what the methods promise."""

    def __init__(self, folder: Path, *, own_folder: Path | None = None) -> None:
        self._folder = folder
        self._own_folder = own_folder or folder
        """Where this replica keeps its id: a folder that is no other's, where `folder` is shared."""

    def owner(self) -> str:
        """Return the id of this replica, made at its first start and kept in its own folder."""
        path = ensure_home(self._own_folder) / _OWNER_FILE
        if not path.exists():
            _written(path, lambda draft: draft.write_text(new_id("feature")))
        return path.read_text()

    async def save(self, dataset_id: str, built: "BuiltDataset") -> None:
        """Write the arrays into a new subfolder."""
        await asyncio.to_thread(self._save, dataset_id, built)

    async def download(
        self, dataset_id: str, file_format: FileFormat, wanted: ByteRange = WHOLE_FILE
    ) -> DatasetDownload:
        """Open the file, made first when it is not there yet."""
        path = await asyncio.to_thread(self._file, dataset_id, file_format)
        size = path.stat().st_size
        offset, length = wanted.within(size)
        return DatasetDownload(
            filename=f"{dataset_id}.{file_format.value}",
            content_type=_CONTENT_TYPES[file_format],
            size_bytes=size,
            offset=offset,
            length=length,
            chunks=_chunks(path, offset, length),
        )

    async def remove(self, dataset_id: str) -> None:
        """Delete the subfolder."""
        await asyncio.to_thread(shutil.rmtree, self._folder / dataset_id, ignore_errors=True)

    def _save(self, dataset_id: str, built: "BuiltDataset") -> None:
        from feature_service.adapters.dataset.npz import write_npz

        try:
            folder = ensure_home(self._folder / dataset_id)
            _written(folder / "data.npz", lambda path: write_npz(path, built))
        except OSError as error:
            shutil.rmtree(self._folder / dataset_id, ignore_errors=True)
            raise Unavailable(
                f"the data set can't be written: {error.strerror or error}", reason="STORAGE_UNAVAILABLE"
            ) from error

    def _file(self, dataset_id: str, file_format: FileFormat) -> Path:
        folder = self._folder / dataset_id
        arrays, wanted = folder / "data.npz", folder / f"data.{file_format.value}"
        if not arrays.exists():
            raise NotFound(
                f"the files of data set {dataset_id!r} are gone; create it again", reason="DATASET_NOT_FOUND"
            )
        if not wanted.exists():
            from feature_service.adapters.dataset.table import write_csv, write_parquet

            write = write_csv if file_format is FileFormat.CSV else write_parquet
            _written(wanted, lambda path: write(arrays, path))
        return wanted


def _written(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the file and move it into place, so that it is there whole or not at all."""
    # Not by the process: replicas in containers that share the folder may all be process 1.
    partial = path.with_name(f"{path.name}.{new_id('part')}.part")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


async def _chunks(path: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, offset)
        while length and (chunk := await asyncio.to_thread(file.read, min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
    finally:
        file.close()
