"""Between the options of windows, by rows or by time, and their plans."""

from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from penstock.feature.v1 import feature_pb2

from feature_service.domain.feature.time_window import MOST_SIZE, TimeWindowPlan, step_of
from feature_service.domain.feature.window import DEFAULT_OVERLAP, DEFAULT_SIZE, WindowPlan
from penstock_kit.errors import InvalidArgument

LONGEST_SECONDS: Final = 31_556_952_000
_SECOND: Final = 1_000_000_000
_BOUNDS: Final = {
    "window_duration": ("WINDOW_SIZE_INVALID", MOST_SIZE // 1_000_000),
    "step_duration": ("STEP_INVALID", MOST_SIZE // 1_000_000),
    "max_gap": ("MAX_GAP_INVALID", LONGEST_SECONDS),
}
"""Fields that are refused by a reason of their own, whatever is wrong with them, and the most seconds of each."""
_SIZES = ("window_size", "window_duration")
_STEPS = ("overlap", "step_duration", "step_rows")


def window_from_proto(options: feature_pb2.ExtractionOptions) -> WindowPlan | TimeWindowPlan:
    """Return the windows, defaults filled in.

    Raises InvalidArgument WINDOW_CONFLICT when options contradict each other or mix rows and time, and what the plans
    raise.
    """
    if options.window_size and options.HasField("window_duration"):
        raise InvalidArgument("window_size is in rows and a time; give one of them", reason="WINDOW_CONFLICT")
    window = _by_time(options) if options.HasField("window_duration") else _by_rows(options)
    if options.HasField("overlap") and window.step != step_of(window.size, options.overlap):
        raise InvalidArgument(
            f"overlap {options.overlap:g} is another step than the one that is named; give one of them",
            reason="WINDOW_CONFLICT",
        )
    return window


def window_of_request(
    request: feature_pb2.DetectAnomaliesRequest | feature_pb2.DrawPlotRequest, size: int
) -> WindowPlan | TimeWindowPlan:
    """Return the windows that a request says in fields of its own, of `size` rows without any; raises as above."""
    options = feature_pb2.ExtractionOptions(window_size=request.window_size, step_rows=request.step_rows)
    if not request.window_size and not request.HasField("window_duration"):
        options.window_size = size
    if request.HasField("overlap"):
        options.overlap = request.overlap
    for name in ("window_duration", "step_duration", "max_gap"):
        if request.HasField(name):
            getattr(options, name).CopyFrom(getattr(request, name))
    return window_from_proto(options)


def _by_rows(options: feature_pb2.ExtractionOptions) -> WindowPlan:
    if options.HasField("step_duration") or options.min_rows:
        raise InvalidArgument(
            "a step of time and min_rows are of windows by time, and window_size is in rows; give a window_size such "
            "as 10m, or the step in rows",
            reason="WINDOW_CONFLICT",
        )
    size = options.window_size or DEFAULT_SIZE
    overlap = options.overlap if options.HasField("overlap") else DEFAULT_OVERLAP
    return WindowPlan(
        size=size, overlap=_overlap_of(size, options.step_rows) if options.step_rows else overlap, max_gap=_gap(options)
    )


def clear_overridden(merged: feature_pb2.ExtractionOptions, options: feature_pb2.ExtractionOptions) -> None:
    """Clear of a model's defaults what the options say in another way: a size takes its step along."""
    if any(_is_set(options, name) for name in _SIZES):
        for name in (*_SIZES, "step_duration", "step_rows", "min_rows"):
            merged.ClearField(name)
    if any(_is_set(options, name) for name in _STEPS):
        for name in _STEPS:
            merged.ClearField(name)


def set_window(options: feature_pb2.ExtractionOptions, window: WindowPlan | TimeWindowPlan) -> None:
    """Write the windows as they are applied into the options."""
    options.overlap = window.overlap
    if window.max_gap is not None:
        options.max_gap.CopyFrom(duration_of_micros(window.max_gap))
    if isinstance(window, WindowPlan):
        options.window_size = window.size
        return
    options.window_duration.CopyFrom(duration_of_micros(window.size))
    options.step_duration.CopyFrom(duration_of_micros(window.step))
    options.min_rows = window.min_rows


def micros_of_duration(request: Any, field: str) -> int:
    """Return the length of time in a field in microseconds, what is finer cut off; 0 for an unset one.

    Raises InvalidArgument for one that is longer than a thousand years, or no length at all: WINDOW_SIZE_INVALID,
    STEP_INVALID or MAX_GAP_INVALID for those of windows, else DURATION_INVALID.
    """
    duration: Duration = getattr(request, field)
    if abs(duration.seconds) > LONGEST_SECONDS or not 0 <= duration.nanos < _SECOND:
        reason, most = _BOUNDS.get(field, ("DURATION_INVALID", LONGEST_SECONDS))
        text = f"{field} is {duration.seconds} s and {duration.nanos} ns; at most {most} s can be meant"
        raise InvalidArgument(text, reason=reason, metadata={"field": field})
    return duration.seconds * 1_000_000 + duration.nanos // 1_000


def duration_of_micros(micros: int) -> Duration:
    """Return so many microseconds as a length of time."""
    return Duration(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)


def _by_time(options: feature_pb2.ExtractionOptions) -> TimeWindowPlan:
    if options.step_rows:
        raise InvalidArgument(
            f"step is {options.step_rows} rows and window_size a time; give a step such as 5m, or an overlap",
            reason="WINDOW_CONFLICT",
        )
    size = micros_of_duration(options, "window_duration")
    if options.HasField("step_duration"):
        step = micros_of_duration(options, "step_duration")
        if step == 0:
            raise InvalidArgument("step is 0s; it must be longer than that", reason="STEP_INVALID")
    else:
        step = step_of(size, options.overlap if options.HasField("overlap") else DEFAULT_OVERLAP)
    return TimeWindowPlan(size=size, step=step, min_rows=options.min_rows or 1, max_gap=_gap(options))


def _overlap_of(size: int, step: int) -> float:
    if not 1 <= step <= max(1, size):
        raise InvalidArgument(
            f"step is {step} and window_size {size} rows; a step is a row or more, and no more rows than a window",
            reason="STEP_INVALID",
        )
    return 1 - step / max(1, size)


def _gap(options: feature_pb2.ExtractionOptions) -> int | None:
    return micros_of_duration(options, "max_gap") if options.HasField("max_gap") else None


def _is_set(options: feature_pb2.ExtractionOptions, name: str) -> bool:
    return any(descriptor.name == name for descriptor, _ in options.ListFields())
