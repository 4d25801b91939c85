"""The move of telemetry: series after series, a block of rows a transaction, and the comparison cell by cell."""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from penstock_cli.migrate.copy import Reporter

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame
    from feature_service.domain.model.series import SeriesKey
    from feature_service.domain.telemetry.store import TelemetryStore

_CELLS: Final = 2_000_000
_MOST_ROWS: Final = 50_000
_NAMED: Final = 50
_DIGEST_BYTES: Final = 8


class SeriesStore(Protocol):
    """A telemetry store that lists its series."""

    async def series(self) -> "Sequence[SeriesKey]":
        """Return every series."""
        ...


@dataclass(slots=True, kw_only=True)
class SeriesComparison:
    """What a comparison of a series found; `named` describes the first of the differences."""

    series: str
    rows: int = 0
    checksums: dict[str, str] = field(default_factory=dict[str, str])
    named: list[str] = field(default_factory=list[str])

    @property
    def agrees(self) -> bool:
        """Whether both sides hold the same."""
        return not self.named

    def name(self, line: str) -> None:
        """Describe a difference, unless many are described already."""
        if len(self.named) < _NAMED:
            self.named.append(f"{self.series}: {line}")


async def unfit_cells(source: Any) -> AsyncGenerator[str]:
    """Yield a line for each text that PostgreSQL would not take: it holds no NUL."""
    from feature_service.domain.model.series import FieldKind
    from feature_service.domain.model.span import iso_time

    for key in await source.series():
        texts = [name for name, kind in (await source.fields(key)).items() if kind is FieldKind.TEXT]
        async for frame in _blocks(source, key, texts) if texts else _nothing():
            for name in texts:
                for row, value in enumerate(frame.texts[name].tolist()):
                    if value is not None and "\0" in value:
                        time = iso_time(int(frame.timestamps[row].astype("int64")))
                        yield f"{title_of(key)} at {time}: {name} has a NUL at character {value.index(chr(0)) + 1}"


async def copy_telemetry(source: Any, target: Any, reporter: Reporter) -> None:
    """Bring all rows of every series from `source` into `target`; it goes on where an earlier copy ended."""
    for key in sorted(await source.series()):
        here = await source.extent(key)
        if here is None:
            continue
        there = await target.extent(key)
        # The last row again: merged with itself it stays what it is.
        start = there.last if there is not None and there.rows < here.rows else None
        rows = 0 if there is None else there.rows
        if there is not None and start is None:
            continue
        async for frame in _blocks(source, key, list(await source.fields(key)), start):
            await target.append(key, frame)
            rows += len(frame)
            reporter.step(title_of(key), min(rows, here.rows), here.rows)


async def compare_telemetry(source: Any, target: Any) -> AsyncGenerator[SeriesComparison]:
    """Yield the comparison of every series of both sides."""
    there = set(await target.series())
    for key in sorted({*await source.series(), *there}):
        yield await _compare_series(source, target, key)


async def _compare_series(source: "TelemetryStore", target: "TelemetryStore", key: "SeriesKey") -> SeriesComparison:
    from feature_service.domain.model.span import Span

    result = SeriesComparison(series=title_of(key))
    here, there = await source.extent(key), await target.extent(key)
    kinds = await source.fields(key)
    if here is None and there is None:
        return result
    if here is None or there is None:
        rows = (here or there or _no_extent()).rows
        result.name(f"its {rows} rows are only in the {'source' if here else 'target'}")
        return result
    if here.rows != there.rows:
        result.name(f"{here.rows} rows in the source, {there.rows} in the target")
    if dict(kinds) != dict(await target.fields(key)):
        result.name(f"its fields are {_named(kinds)} in the source, {_named(await target.fields(key))} in the target")
    whole = {name: hashlib.blake2b(digest_size=_DIGEST_BYTES) for name in ("time", *kinds)}
    start: int | None = None
    async for frame in _blocks(source, key, list(kinds)):
        end = int(frame.timestamps[-1].astype("int64")) + 1
        other = await target.read(key, list(kinds), Span(start=start, end=end))
        _compare_frames(frame, other, result, whole)
        result.rows += len(frame)
        start = end
    await _compare_rest(target, key, start, result)
    result.checksums = {name: digest.hexdigest() for name, digest in whole.items()}
    return result


def _compare_frames(frame: "Frame", other: "Frame", result: SeriesComparison, whole: dict[str, Any]) -> None:
    here, there = _columns(frame), _columns(other)
    same = True
    for name, content in here.items():
        digest = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
        whole[name].update(digest)
        same = same and digest == hashlib.blake2b(there[name], digest_size=_DIGEST_BYTES).digest()
    if not same:
        _name_cells(frame, other, result)


async def _compare_rest(
    target: "TelemetryStore", key: "SeriesKey", start: int | None, result: SeriesComparison
) -> None:
    from feature_service.domain.model.span import Span, iso_time

    if start is None:
        return
    more = await target.row_count(key, Span(start=start))
    if more:
        result.name(f"{more} rows after {iso_time(start - 1)} are only in the target")


def _name_cells(here: "Frame", there: "Frame", result: SeriesComparison) -> None:
    """Name the cells that differ, by time and field."""
    from feature_service.domain.model.span import iso_time

    ours, theirs = _rows(here), _rows(there)
    for time in sorted({*ours, *theirs}):
        left, right = ours.get(time), theirs.get(time)
        if left is None or right is None:
            result.name(f"the row at {iso_time(time)} is only in the {'source' if right is None else 'target'}")
            continue
        for name, value in left.items():
            if _cell(value) != _cell(right[name]):
                result.name(f"{name} at {iso_time(time)} is {value!r} in the source and {right[name]!r} in the target")


def _rows(frame: "Frame") -> dict[int, dict[str, Any]]:
    columns = {name: values.tolist() for name, values in (*frame.numbers.items(), *frame.texts.items())}
    times = frame.timestamps.astype("int64").tolist()
    return {time: {name: values[row] for name, values in columns.items()} for row, time in enumerate(times)}


def _columns(frame: "Frame") -> dict[str, bytes]:
    """Return the bytes of each column: numbers as they are, every missing one the same, texts with their lengths."""
    import numpy as np

    columns = {"time": frame.timestamps.astype(">i8").tobytes()}
    for name, values in frame.numbers.items():
        columns[name] = np.where(np.isnan(values), np.nan, values).astype(">f8").tobytes()
    for name, values in frame.texts.items():
        columns[name] = b"".join(map(_text_bytes, values.tolist()))
    return columns


def _text_bytes(value: str | None) -> bytes:
    if value is None:
        return b"n"
    content = value.encode()
    return b"s%d:%b" % (len(content), content)


def _cell(value: Any) -> bytes:
    import struct

    if isinstance(value, float):
        return b"n" if value != value else struct.pack(">d", value)  # noqa: PLR0124
    return _text_bytes(value)


def _blocks(store: Any, key: "SeriesKey", fields: Sequence[str], start: int | None = None) -> "AsyncGenerator[Frame]":
    from feature_service.domain.model.span import Span

    rows = max(1, min(_MOST_ROWS, _CELLS // (len(fields) + 1)))
    return _filled(store.blocks(key, fields, Span(start=start), rows))


async def _filled(blocks: "AsyncGenerator[Frame]") -> "AsyncGenerator[Frame]":
    async for frame in blocks:
        if len(frame):
            yield frame


async def _nothing() -> "AsyncGenerator[Frame]":
    return
    yield  # it makes this a generator


def _named(kinds: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in kinds.items())


def title_of(key: "SeriesKey") -> str:
    """Return a series in messages."""
    return f"device {key.device_code!r} of tenant {key.tenant_id!r}"


def _no_extent() -> Any:
    raise AssertionError("one of the two has rows")
