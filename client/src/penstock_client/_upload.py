"""A body that is sent piece by piece and tells how far it is."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

CONTENT_TYPES: Final = {
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".parquet": "parquet",
    ".json": "json",
}
_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What is sent: `size` in bytes, read from `file` once."""

    format: str
    size: int
    file: BinaryIO
    progress: Callable[[int, int | None], None] | None

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        with self.file:
            while piece := self.file.read(_PIECE):
                yield piece
                sent += len(piece)
                if self.progress is not None:
                    self.progress(sent, self.size)


def open_upload(
    source: str | os.PathLike[str] | bytes, format: str | None, progress: Callable[[int, int | None], None] | None
) -> Upload:
    """Open `source`. Raises ValueError when the format can't be told or is none of csv, arrow, parquet, json."""
    if isinstance(source, bytes):
        return Upload(format=_known(format, "bytes"), size=len(source), file=io.BytesIO(source), progress=progress)
    path = Path(source)
    found = format or _SUFFIXES.get(path.suffix.lower())
    return Upload(format=_known(found, path.name), size=path.stat().st_size, file=path.open("rb"), progress=progress)


def _known(format: str | None, name: str) -> str:
    if format in CONTENT_TYPES:
        return format
    raise ValueError(
        f"the format of {name} can't be told; give format= one of {', '.join(CONTENT_TYPES)} (given: {format!r})"
    )
