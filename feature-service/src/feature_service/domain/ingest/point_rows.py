"""The points of a body of line protocol by device: which are refused, and the others as frames in their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

from feature_service.domain.ingest.line_protocol import FieldValue, LineError, Point, PointParser, SeriesTags, series_of
from feature_service.domain.ingest.precision import micros_of_all, unit_of
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.timestamp_cell import outside_calendar, shown
from feature_service.domain.model.device import MAX_FIELDS
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import END_MICROS, FIRST_MICROS
from feature_service.domain.registry.device_registry import is_code

if TYPE_CHECKING:
    from feature_service.domain.ingest.point_columns import PointColumns
    from feature_service.domain.model.array import FloatArray, IndexArray
    from feature_service.domain.model.frame import Frame

_FRAME_CELLS: Final = 2_000_000
_FRAME_ROWS: Final = 50_000
# The end of 1970 in microseconds: what is before it was written in another unit than is said.
_SURELY_WRONG: Final = 365 * 86_400_000_000

Row = tuple[int, int, Mapping[str, FieldValue]]
"""The line, the time in microseconds since the epoch, and the values by field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPlan:
    """How points become rows: the tags that may name the device, the first that is there counts; the nanoseconds of a
    unit of time, or BY_SIZE; and the time of points without one, in microseconds since the epoch.

    `device`, where it is not empty, is the device of all points: then a tag names none."""

    device_tags: Sequence[str]
    unit: int
    now: int
    device: str = ""

    def device_tag(self, tags: Mapping[str, str]) -> str:
        """Return the tag that names the device, empty for none."""
        named = next((name for name in self.device_tags if name in tags), "")
        return named if not self.device or tags.get(named) == self.device else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnPiece:
    """Points of one device with the same tags and fields, in columns; `line` is that of the first."""

    lines: "IndexArray"
    times: "IndexArray"
    numbers: "Mapping[str, FloatArray]"
    texts: Mapping[str, str]

    def rows(self) -> list[Row]:
        """Return the points one by one."""
        return [
            (
                int(line),
                int(time),
                {**self.texts, **{name: float(values[row]) for name, values in self.numbers.items()}},
            )
            for row, (line, time) in enumerate(zip(self.lines, self.times, strict=True))
        ]

    def kinds(self) -> dict[str, FieldKind]:
        """Return the kind of each field."""
        return dict.fromkeys(self.texts, FieldKind.TEXT) | dict.fromkeys(self.numbers, FieldKind.NUMBER)


@dataclass(slots=True, kw_only=True)
class DevicePoints:
    """The points of a device in their order, the measurement of the first of them, and the kinds of its fields.

    `last` is the latest of their times.
    """

    measurement: str
    pieces: list[list[Row] | ColumnPiece] = field(default_factory=list[list[Row] | ColumnPiece])
    kinds: dict[str, FieldKind] = field(default_factory=dict[str, FieldKind])
    last: int = FIRST_MICROS

    def add(self, row: Row) -> None:
        """Take a point."""
        if not self.pieces or isinstance(self.pieces[-1], ColumnPiece):
            self.pieces.append([])
        piece = self.pieces[-1]
        assert isinstance(piece, list)
        piece.append(row)
        self.last = max(self.last, row[1])

    def add_columns(self, piece: ColumnPiece) -> None:
        """Take points in columns."""
        self.pieces.append(piece)
        self.last = max(self.last, int(piece.times.max()))

    def settle(self, stored: Mapping[str, FieldKind], rejections: Rejections) -> None:
        """Refuse the points with a value of another kind than the field has, in what is stored or came before."""
        known = dict(stored)
        for place, piece in enumerate(self.pieces):
            if isinstance(piece, ColumnPiece):
                kinds = piece.kinds()
                if not _conflict(kinds, known):
                    self.kinds.update(kinds)
                    continue
            rows = piece.rows() if isinstance(piece, ColumnPiece) else piece
            self.pieces[place] = self._settled(rows, known, rejections)

    def size(self) -> tuple[int, int, int]:
        """Return how many points, different fields and values there are."""
        points = values = 0
        for piece in self.pieces:
            if isinstance(piece, ColumnPiece):
                points += len(piece.times)
                values += len(piece.times) * (len(piece.numbers) + len(piece.texts))
            else:
                points += len(piece)
                values += sum(len(row[2]) for row in piece)
        return points, len(self.kinds), values

    def refuse(self, why: str, rejections: Rejections) -> None:
        """Refuse all points."""
        for piece in self.pieces:
            for row in piece.rows() if isinstance(piece, ColumnPiece) else piece:
                rejections.add(row[0], why)
        self.pieces.clear()

    def _settled(self, rows: list[Row], known: dict[str, FieldKind], rejections: Rejections) -> list[Row]:
        kept: list[Row] = []
        for row in rows:
            kinds = {name: _kind(value) for name, value in row[2].items()}
            if why := _conflict(kinds, known):
                rejections.add(row[0], why)
                continue
            kept.append(row)
            self.kinds.update(kinds)
        return kept

    def frames(self) -> "Iterator[Frame]":
        """Yield the rows in the order of the body, in frames that are bounded in rows and cells.

        A store takes a frame at once, so that few of them are worth putting together.
        """
        from feature_service.domain.model.frame import concatenate

        for _, run in groupby(self.pieces, _shape):
            pieces = list(run)
            columns = [piece for piece in pieces if isinstance(piece, ColumnPiece)]
            if columns:
                yield concatenate([_column_frame(piece) for piece in columns])
            for rows in pieces:
                if not isinstance(rows, ColumnPiece):
                    yield from self._row_frames(rows)

    def _row_frames(self, rows: list[Row]) -> "Iterator[Frame]":
        start, names = 0, dict[str, None]()
        for place, (_, _, values) in enumerate(rows):
            if values.keys() - names.keys():
                names.update(dict.fromkeys(values))
            count = place + 1 - start
            if count == _FRAME_ROWS or count * len(names) >= _FRAME_CELLS:
                yield _frame(rows[start : place + 1], names, self.kinds)
                start, names = place + 1, {}
        if start < len(rows):
            yield _frame(rows[start:], names, self.kinds)


class PointReading:
    """Reads the points of one body: the good ones by device, the lines of the others go to `rejections`.

    `line_by_line` gives the same, and takes longer.
    """

    def __init__(self, plan: PointPlan, rejections: Rejections, *, line_by_line: bool = False) -> None:
        self._line_by_line = line_by_line
        self._plan = plan
        self._rejections = rejections
        self.devices: dict[str, DevicePoints] = {}

    def read(self, text: str) -> None:
        """Take the points of a text; stretches of lines with the same fields at once."""
        from feature_service.domain.ingest.point_columns import read_columns, stretches

        if self._line_by_line or '"' in text:  # a text may go on behind any line break
            self._read_lines(text, 0)
            return
        line = 0
        for stretch in stretches(text):
            columns = read_columns(stretch)
            if columns is None or not self._take(columns, line):
                self._read_lines(stretch, line)
            line += stretch.count("\n")

    def _read_lines(self, text: str, before: int) -> None:
        for number, point in PointParser(text).points():
            line = number + before
            if isinstance(point, LineError):
                self._rejections.add(line, str(point))
                continue
            try:
                device, row = _row(line, point, self._plan)
            except LineError as error:
                self._rejections.add(line, str(error))
                continue
            self._of(device, point.series.measurement).add(row)

    def _take(self, columns: "PointColumns", before: int) -> bool:
        """Take the points of all devices; False, and nothing is taken, when one has to be looked at by itself."""
        import numpy as np

        places: dict[str, int] = {}
        where = np.array([places.setdefault(head, len(places)) for head in columns.heads], dtype=np.int64)
        series = [self._series(head) for head in places]
        devices = [found[0] for found in series if found is not None]
        times = _micros(columns.times, self._plan.unit)
        if len(set(devices)) != len(places) or times is None:
            return False
        order = np.argsort(where, kind="stable")
        edges = np.searchsorted(where[order], np.arange(len(places) + 1)).tolist()
        lines = order + before + 1
        times, numbers = times[order], {name: values[order] for name, values in columns.numbers.items()}
        for place, (device, tags) in enumerate(found for found in series if found is not None):
            part = slice(edges[place], edges[place + 1])
            named = self._plan.device_tag(tags.tags)
            piece = ColumnPiece(
                lines=lines[part],
                times=times[part],
                numbers={name: values[part] for name, values in numbers.items()},
                texts={name: value for name, value in tags.tags.items() if name != named and name not in numbers},
            )
            self._of(device, tags.measurement).add_columns(piece)
        return True

    def _series(self, head: str) -> tuple[str, SeriesTags] | None:
        """The device and the series that stand before the fields, None when they are none."""
        try:
            tags = series_of(head)
            return _device(tags, self._plan), tags
        except LineError:
            return None

    def _of(self, device: str, measurement: str) -> DevicePoints:
        known = self.devices.get(device)
        if known is None:
            known = self.devices[device] = DevicePoints(measurement=measurement)
        return known


def is_all_before_1971(devices: Mapping[str, DevicePoints]) -> bool:
    """Return whether there are points, and all are of a time that their unit makes unlikely."""
    return bool(devices) and max(device.last for device in devices.values()) < _SURELY_WRONG


def _micros(times: "IndexArray", unit: int) -> "IndexArray | None":
    """The times in microseconds, None when one is outside of the calendar."""
    low, high = int(times.min()), int(times.max())
    if low * unit // 1_000 < FIRST_MICROS or high * unit // 1_000 >= END_MICROS:
        return None
    micros = micros_of_all(times, unit)
    return micros if unit or (micros.min() >= FIRST_MICROS and micros.max() < END_MICROS) else None


def _device(series: SeriesTags, plan: PointPlan) -> str:
    if plan.device:
        return plan.device
    tag = plan.device_tag(series.tags)
    if not tag:
        named = " or ".join(map(repr, plan.device_tags))
        raise LineError(f"the point has no tag {named} to name its device; say which one does with device_tag=")
    device = series.tags[tag].strip()
    if not is_code(device):
        raise LineError(f"tag {tag!r} is {shown(device)}, which can't be the code of a device")
    return device


def _row(line: int, point: Point, plan: PointPlan) -> tuple[str, Row]:
    device, tags = _device(point.series, plan), point.series.tags
    time = plan.now if point.time is None else point.time * unit_of(point.time, plan.unit) // 1_000
    if not FIRST_MICROS <= time < END_MICROS:
        raise LineError(outside_calendar(point.time))
    values = point.fields
    tag = plan.device_tag(tags)
    if len(tags) > bool(tag):
        # A field counts more than a tag of its name.
        values = {name: value for name, value in tags.items() if name != tag} | dict(values)
    return device, (line, time, values)


def _kind(value: FieldValue) -> FieldKind:
    return FieldKind.TEXT if isinstance(value, str) else FieldKind.NUMBER


def _conflict(kinds: Mapping[str, FieldKind], known: dict[str, FieldKind]) -> str:
    """Why a point is refused, empty for none; the kinds of its new fields are known from then on."""
    new: dict[str, FieldKind] = {}
    for name, kind in kinds.items():
        has = known.get(name)
        if has is None:
            new[name] = kind
        elif has is not kind:
            return f"field type conflict: field {shown(name)} holds {has}s, the point brings a {kind}"
    if len(known) + len(new) > MAX_FIELDS:
        return f"the device would have more than {MAX_FIELDS} fields"
    known.update(new)
    return ""


def _shape(piece: list[Row] | ColumnPiece) -> object:
    """What pieces share that may be one frame: columns with the same fields and tags."""
    return (tuple(piece.numbers), tuple(piece.texts)) if isinstance(piece, ColumnPiece) else None


def _column_frame(piece: ColumnPiece) -> "Frame":
    import numpy as np

    from feature_service.domain.model.frame import Frame

    texts = {name: np.full(len(piece.times), text or None, dtype=np.object_) for name, text in piece.texts.items()}
    return Frame(timestamps=piece.times.view("datetime64[us]"), numbers=piece.numbers, texts=texts)


def _frame(rows: Sequence[Row], names: Mapping[str, None], kinds: Mapping[str, FieldKind]) -> "Frame":
    import numpy as np

    from feature_service.domain.model.frame import Frame

    numbers = {
        name: np.array([values.get(name, np.nan) for _, _, values in rows], dtype=np.float64)
        for name in names
        if kinds[name] is FieldKind.NUMBER
    }
    texts = {
        name: np.array([values.get(name) or None for _, _, values in rows], dtype=np.object_)
        for name in names
        if kinds[name] is FieldKind.TEXT
    }
    times = np.array([time for _, time, _ in rows], dtype=np.int64).view("datetime64[us]")
    return Frame(timestamps=times, numbers=numbers, texts=texts)
