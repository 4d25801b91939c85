"""A plot as plain values: panels over one axis of time, each with lines, bands and points."""

from dataclasses import dataclass

from feature_service.domain.model.array import FloatArray, IndexArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """Points joined by a line: times in microseconds since the epoch, and values."""

    times: IndexArray
    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One field: its lines, marked points, and spans of time that are shaded over the whole height."""

    title: str
    lines: tuple[Line, ...]
    steps: tuple[Line, ...] = ()
    marks: Line | None = None
    shaded: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plot:
    """What is drawn: `start` and `end` are the ends of the axis of time; `note` says what marks and shades mean."""

    title: str
    note: str
    start: int
    end: int
    width: int
    height: int
    panels: tuple[Panel, ...]
