"""Where the good rows of a body wait: in memory while they are few, in an unnamed file beyond that."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

import orjson

from feature_service.domain.model.series import SeriesKey

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame

_IN_MEMORY: Final = 64 * 1024 * 1024
_TEXT_BYTES: Final = 64
"""What a text is taken to need in memory beside its characters."""
_LENGTH: Final = 8


class FrameStage:
    """See :class:`feature_service.domain.ingest.plan.FrameStage` for what the methods promise.

    The file holds, for each frame, the length of a JSON head, the head, and the bytes of its columns.
    """

    def __init__(self, folder: Path, *, in_memory: int = _IN_MEMORY) -> None:
        self._folder = folder
        self._free = in_memory
        self._kept: list[tuple[SeriesKey, Frame]] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.clear()
        if self._file is not None:
            self._file.close()

    def add(self, key: SeriesKey, rows: "Frame") -> None:
        """Keep the rows, or write them to the file when the memory for them is used up."""
        self._free -= _size(rows)
        if self._free >= 0 and self._file is None:
            self._kept.append((key, rows))
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=str(self._folder))  # noqa: SIM115 - closed with the stage
        _write(self._file, key, rows)

    def frames(self) -> Iterator[tuple[SeriesKey, "Frame"]]:
        """Yield the rows that were added."""
        yield from self._kept
        if self._file is not None:
            self._file.seek(0)
            while (length := self._file.read(_LENGTH)) != b"":
                yield _read(self._file, int.from_bytes(length, "little"))


def _size(rows: "Frame") -> int:
    texts = sum(_TEXT_BYTES * len(rows) + sum(len(text) for text in each if text) for each in rows.texts.values())
    return len(rows) * (8 + 8 * len(rows.numbers)) + texts


def _write(file: IO[bytes], key: SeriesKey, rows: "Frame") -> None:
    texts = {name: orjson.dumps(values.tolist()) for name, values in rows.texts.items()}
    head = orjson.dumps(
        {
            "key": [key.tenant_id, key.device_code],
            "rows": len(rows),
            "numbers": list(rows.numbers),
            "texts": [[name, len(text)] for name, text in texts.items()],
        }
    )
    file.write(len(head).to_bytes(_LENGTH, "little") + head)
    file.write(_bytes(rows.timestamps.astype("datetime64[us]", copy=False).view("int64")))
    for values in rows.numbers.values():
        file.write(_bytes(values))
    for text in texts.values():
        file.write(text)


def _bytes(values: Any) -> memoryview:
    """The bytes of an array, which are copied only where they do not lie in one piece."""
    import numpy as np

    contiguous: Any = np.ascontiguousarray(values)
    return memoryview(contiguous).cast("B")


def _read(file: IO[bytes], length: int) -> tuple[SeriesKey, "Frame"]:
    import numpy as np

    from feature_service.domain.model.frame import Frame

    head: Mapping[str, Any] = orjson.loads(file.read(length))
    size = 8 * head["rows"]
    times = np.frombuffer(file.read(size), dtype="datetime64[us]")
    numbers = {name: np.frombuffer(file.read(size), dtype=np.float64) for name in head["numbers"]}
    texts = {name: _objects(orjson.loads(file.read(text))) for name, text in head["texts"]}
    tenant_id, device_code = head["key"]
    key = SeriesKey(tenant_id=tenant_id, device_code=device_code)
    return key, Frame(timestamps=times, numbers=numbers, texts=texts)


def _objects(values: list[str | None]) -> Any:
    import numpy as np

    result = np.empty(len(values), dtype=np.object_)
    result[:] = values
    return result
