"""From rows to a feature matrix: outliers, missing values, windows, features, scaling."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.left_out import NONE_LEFT_OUT, LeftOut, left_out, require_time_windows
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.uneven_windows import uneven_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_layout import require_windows
from feature_service.domain.feature.window_rows import Windowing, WindowRows, extent_of, window_rows
from feature_service.domain.model.array import BoolArray, FloatArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod
from feature_service.domain.preprocessing.missing import MissingFill, any_missing, fit_missing_fill
from feature_service.domain.preprocessing.outlier import OutlierFilter, fit_outlier_filter
from feature_service.domain.preprocessing.scaling import Scaler, fit_scaler
from penstock_kit.errors import Unprocessable

_READINGS_AT_ONCE: Final = 50_000_000
"""Readings of windows, each once for each feature, between two calls of `progress`: about half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPreprocessing:
    """What was fitted on the rows, so that other rows can be treated the same (`scaler` by feature column)."""

    outlier_filter: OutlierFilter
    missing_fill: MissingFill
    scaler: Scaler


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """A (windows, names) matrix with the time at which each window begins.

    `rows` were cut into windows (after `drop`); `outliers` and `missing` count values before they were treated.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    fields: tuple[str, ...]
    starts: TimeArray
    rows: int
    outliers: int
    missing: int
    fitted: FittedPreprocessing
    left_out: LeftOut = NONE_LEFT_OUT

    def undefined(self) -> dict[str, int]:
        """Return how many windows have no value of a field, so that its features are NaN; 0 is left out."""
        width = len(self.names) // len(self.fields) if self.fields else 0
        counts = {
            name: int(np.isnan(self.matrix[:, place * width : (place + 1) * width]).any(axis=1).sum())
            for place, name in enumerate(self.fields)
        }
        return {name: count for name, count in counts.items() if count}


def extract_features(frame: Frame, plan: ExtractionPlan, check: Callable[[], None] = lambda: None) -> FeatureTable:
    """Return the features of every window of `frame`'s numbers, columns named ``<field>_<feature>``.

    `check` is called now and then; what it raises ends the work.

    Raises InvalidArgument for a feature, threshold or range that is not valid, Unprocessable NUMERIC_FIELD_REQUIRED or
    WINDOW_LIMIT_EXCEEDED when there is nothing to make a window of, NORMALIZATION_INVALID when a single window is to be
    scaled.
    """
    features = resolve_features(plan.features)
    if not frame.numbers:
        raise Unprocessable("there is no numeric field to extract features of", reason="NUMERIC_FIELD_REQUIRED")
    window = plan.window.within(Span(), extent_of(frame.timestamps)) if len(frame) else plan.window
    window.require(len(frame))
    outlier_filter, missing_fill = _fitted_on_rows(frame, plan)
    clean = clean_rows(frame, outlier_filter, missing_fill)
    windows = clean.windows(window)
    raw = feature_matrix(clean, window, features, windows, lambda _: check())
    scaler = plan.fitted.scaler if plan.fitted else fit_scaler(raw, scaling_of(plan, len(raw)), plan.value_range)
    return FeatureTable(
        matrix=scaler.apply(raw),
        names=feature_names(frame.numbers, features),
        fields=tuple(frame.numbers),
        starts=windows.times,
        rows=len(clean.frame),
        outliers=sum(outlier_filter.count(name, values) for name, values in frame.numbers.items()),
        missing=sum(int(np.isnan(values).sum()) for values in frame.numbers.values()),
        fitted=FittedPreprocessing(outlier_filter=outlier_filter, missing_fill=missing_fill, scaler=scaler),
        left_out=left_out(window, len(windows), windows.over_gap),
    )


def _fitted_on_rows(frame: Frame, plan: ExtractionPlan) -> tuple[OutlierFilter, MissingFill]:
    if plan.fitted:
        return plan.fitted.outlier_filter, plan.fitted.missing_fill
    outlier_filter = fit_outlier_filter(frame.numbers, plan.outliers, plan.outlier_threshold)
    return outlier_filter, fit_missing_fill(outlier_filter.apply(frame.numbers), plan.missing)


def scaling_of(plan: ExtractionPlan, windows: int) -> NormalizeMethod:
    """Return the scaling of so many windows: one window scaled by itself is zeros, whatever it holds.

    Raises Unprocessable NORMALIZATION_INVALID when somebody named a scaling of a single window.
    """
    if windows != 1 or plan.normalize is NormalizeMethod.NONE:
        return plan.normalize
    if plan.normalize_is_default:
        return NormalizeMethod.NONE
    raise Unprocessable(
        f"the range has a single window, which {plan.normalize.value} makes zeros of; "
        "ask for a longer range, a smaller window_size or normalize_method none",
        reason="NORMALIZATION_INVALID",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CleanRows:
    """Rows after outliers and missing values were treated.

    `absent` says which of them had no value of a field at first, `kept` which of the original rows they are.
    """

    frame: Frame
    absent: Mapping[str, BoolArray]
    kept: BoolArray

    def windows(self, window: Windowing) -> WindowRows:
        """Return the rows of each window; none when none fits."""
        return window_rows(self.frame.timestamps, window)

    def cut(self, inside: slice) -> "CleanRows":
        """Return the rows of the slice `inside`, as if they were all there ever were."""
        frame = self.frame.cut(inside)
        absent = {name: values[inside] for name, values in self.absent.items()}
        return CleanRows(frame=frame, absent=absent, kept=np.ones(len(frame), dtype=np.bool_))


def clean_rows(frame: Frame, outlier_filter: OutlierFilter, missing_fill: MissingFill) -> CleanRows:
    """Return the rows treated by what was fitted on them or on others."""
    fenced = frame.with_numbers(outlier_filter.apply(frame.numbers))
    drop = missing_fill.method is MissingMethod.DROP
    kept = ~any_missing(fenced) if drop else np.ones(len(frame), dtype=np.bool_)
    absent = {name: np.isnan(values) for name, values in frame.numbers.items()}
    if not kept.all():
        absent = {name: missing[kept] for name, missing in absent.items()}
    return CleanRows(frame=missing_fill.apply(fenced), absent=absent, kept=kept)


def feature_matrix(
    clean: CleanRows,
    window: Windowing,
    features: Sequence[str],
    windows: WindowRows,
    progress: Callable[[float], None] | None = None,
) -> FloatArray:
    """Return the features of the windows, (windows, fields x features), field after field.

    `progress` is told the share that is done after each field, and now and then within one of many windows; what it
    raises ends the work.

    Raises Unprocessable WINDOW_LIMIT_EXCEEDED when no window fits into the rows that are left.
    """
    rows, fields = len(clean.frame), clean.frame.numbers
    if isinstance(window, TimeWindowPlan):
        require_time_windows(window, len(windows), windows.over_gap)
    else:
        if rows < window.size and not clean.kept.all():
            raise too_few_whole_rows(rows, fields, window)
        require_windows(windows.first, clean.frame.timestamps, window)
    return window_matrix(clean, window, features, windows, progress)


def too_few_whole_rows(rows: int, fields: Iterable[str], window: WindowPlan) -> Unprocessable:
    """Return the error of rows of which too few have all the fields for a window."""
    return Unprocessable(
        f"only {rows} rows have all of {', '.join(fields)}, fewer than window_size {window.size}; "
        "choose fewer fields, a smaller window or another missing_value_method",
        reason="WINDOW_LIMIT_EXCEEDED",
        metadata={"window_size": str(window.size), "rows": str(rows)},
    )


def window_matrix(
    clean: CleanRows,
    window: Windowing,
    features: Sequence[str],
    windows: WindowRows,
    progress: Callable[[float], None] | None = None,
) -> FloatArray:
    """Return what :func:`feature_matrix` does, of rows that are known to have a window."""
    pieces = list(_pieces(windows, len(features)))
    parts: list[FloatArray] = []
    for name in clean.frame.numbers:
        found: list[FloatArray] = []
        for piece in pieces:
            found.append(_field_features(clean, name, window, features, (windows, piece)))
            if progress is not None:
                progress((len(parts) + len(found) / len(pieces)) / len(clean.frame.numbers))
        parts.append(found[0] if len(found) == 1 else np.concatenate(found))
    return np.hstack(parts)


def _pieces(windows: WindowRows, features: int) -> Iterator[slice]:
    """Yield the windows in parts that are computed at once: they look at so many readings, and are one at least."""
    sizes = windows.stop - windows.first
    most = max(1, _READINGS_AT_ONCE // max(1, int(sizes.max(initial=1)) * features))
    for start in range(0, max(1, len(windows)), most):
        yield slice(start, min(start + most, len(windows)))


def _field_features(
    clean: CleanRows, name: str, window: Windowing, features: Sequence[str], wanted: tuple[WindowRows, slice]
) -> FloatArray:
    """The features of some windows of a field, each what it is among all of them to the bit."""
    windows, piece = wanted
    whole = piece == slice(0, len(windows))
    some = windows if whole else windows.cut(piece)
    first = windows.first[piece]
    inside = slice(None) if whole else slice(int(first[0]), int(windows.stop[piece].max()))
    values, absent = clean.frame.numbers[name][inside], clean.absent[name][inside]
    times = clean.frame.timestamps[inside]
    if isinstance(window, TimeWindowPlan):
        return uneven_features(values, some, features, absent, times)
    at = None if window.max_gap is None else some.first
    return window_features(values, window, features, absent, at, times=times)


def feature_names(fields: Iterable[str], features: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns of a feature matrix."""
    return tuple(f"{field}_{feature}" for field in fields for feature in features)
