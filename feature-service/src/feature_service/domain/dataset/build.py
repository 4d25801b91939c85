"""From the rows of several devices to the arrays of a data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from feature_service.domain.dataset.data_hash import data_hash
from feature_service.domain.dataset.label import (
    NO_LABEL,
    Classes,
    LabelledRows,
    LabelRows,
    classes_of,
    codes_of,
    window_labels,
)
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.split import RowRange, row_ranges, with_embargo
from feature_service.domain.extraction.extract import (
    CleanRows,
    FittedPreprocessing,
    clean_rows,
    feature_matrix,
    feature_names,
)
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.model.array import FloatArray, IndexArray, TextArray, TimeArray
from feature_service.domain.preprocessing.missing import MissingFill, fit_missing_fill
from feature_service.domain.preprocessing.outlier import OutlierFilter, fit_outlier_filter
from feature_service.domain.preprocessing.scaling import fit_scaler
from penstock_kit.errors import Unprocessable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """The windows of one part: scaled features (windows, names), class codes, and where each window is from.

    `purity` is the share of the rows that give a window its label that are of it. `rows` counts the rows of the part by
    class, last those without a label; `unlabelled` windows were left out, as they have none.
    """

    features: FloatArray
    labels: IndexArray
    starts: TimeArray
    device_codes: TextArray
    purity: FloatArray
    rows: IndexArray
    unlabelled: int = 0

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltDataset:
    """The two parts, their classes, and what was fitted on the training part; `data_hash` is that of the rows."""

    training: Part
    validation: Part
    classes: Classes
    fields: tuple[str, ...]
    feature_names: tuple[str, ...]
    fitted: FittedPreprocessing
    data_hash: str


def build_dataset(
    devices: Mapping[str, LabelledRows], plan: DatasetPlan, progress: Callable[[float], None]
) -> BuiltDataset:
    """Return the data set of the devices' rows; `progress` is told the share that is done, 0 to 1, field by field.

    What `progress` raises ends the build.

    Fences, fills and scalers are fitted on the training part only. Raises Unprocessable LABEL_EMPTY,
    CLASSES_LIMIT_EXCEEDED or PART_EMPTY, InvalidArgument DEVICES_REQUIRED.
    """
    classes = classes_of([rows.labels for rows in devices.values()])
    times = {code: rows.frame.timestamps for code, rows in devices.items()}
    cut = with_embargo(row_ranges({code: len(each) for code, each in times.items()}, plan), times, plan.embargo)
    windows = _fitted_windows(devices, [row_range for row_range in cut if row_range.training], plan, classes)
    training: list[Part] = []
    validation: list[Part] = []
    for done, row_range in enumerate(cut):
        told = _share_of(progress, done, len(cut))
        (training if row_range.training else validation).append(
            windows.of(devices[row_range.device_code], row_range, told)
        )
    train, check = _merged(training, "training", plan), _merged(validation, "validation", plan)
    scaler = fit_scaler(train.features, plan.extraction.normalize, plan.extraction.value_range)
    fields = tuple(next(iter(devices.values())).frame.numbers)
    return BuiltDataset(
        training=replace(train, features=scaler.apply(train.features)),
        validation=replace(check, features=scaler.apply(check.features)),
        classes=classes,
        fields=fields,
        feature_names=feature_names(fields, windows.features),
        fitted=FittedPreprocessing(
            outlier_filter=windows.outlier_filter, missing_fill=windows.missing_fill, scaler=scaler
        ),
        data_hash=data_hash(devices),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windows:
    """Makes the windows of a row range with what was fitted on the training rows."""

    plan: DatasetPlan
    features: tuple[str, ...]
    classes: Classes
    outlier_filter: OutlierFilter
    missing_fill: MissingFill

    def of(self, rows: LabelledRows, row_range: RowRange, progress: Callable[[float], None]) -> Part:
        """Return the labelled windows of a row range, none when it is shorter than a window."""
        inside = slice(row_range.start, row_range.stop)
        clean = clean_rows(rows.frame.cut(inside), self.outlier_filter, self.missing_fill)
        window = self.plan.extraction.window
        codes = codes_of(rows.labels[inside], self.classes)
        counted = np.bincount(np.where(codes == NO_LABEL, len(self.classes.labels), codes), minlength=self._kinds)
        starts = clean.window_starts(window)
        if len(starts) == 0:
            progress(1.0)
            return replace(_no_windows(len(rows.frame.numbers) * len(self.features)), rows=counted)
        labels = window_labels(codes[clean.kept], self.classes, self._label_rows(clean, starts), self.plan.label_mode)
        labelled = labels.codes != NO_LABEL
        return Part(
            features=feature_matrix(clean, window, self.features, starts, progress)[labelled],
            labels=labels.codes[labelled],
            starts=clean.frame.timestamps[starts][labelled],
            device_codes=np.full(int(labelled.sum()), row_range.device_code, dtype=np.object_),
            purity=labels.purity[labelled],
            rows=counted,
            unlabelled=int((~labelled).sum()),
        )

    @property
    def _kinds(self) -> int:
        return len(self.classes.labels) + 1

    def _label_rows(self, clean: CleanRows, starts: IndexArray) -> LabelRows:
        size, horizon = self.plan.extraction.window.size, self.plan.horizon
        if not horizon:
            return LabelRows.within(starts, size)
        return LabelRows.ahead(starts, size, clean.frame.timestamps, horizon)


def _share_of(progress: Callable[[float], None], done: int, parts: int) -> Callable[[float], None]:
    """Tell `progress` the share of the whole when told that of the part after the `done` ones."""
    return lambda share: progress((done + share) / parts)


def _fitted_windows(
    devices: Mapping[str, LabelledRows], training: Sequence[RowRange], plan: DatasetPlan, classes: Classes
) -> _Windows:
    frames = [devices[each.device_code].frame.cut(slice(each.start, each.stop)).numbers for each in training]
    names = tuple(frames[0]) if frames else ()
    columns = {name: np.concatenate([numbers[name] for numbers in frames]) for name in names}
    extraction = plan.extraction
    outlier_filter = fit_outlier_filter(columns, extraction.outliers, extraction.outlier_threshold)
    return _Windows(
        plan=plan,
        features=resolve_features(extraction.features),
        classes=classes,
        outlier_filter=outlier_filter,
        missing_fill=fit_missing_fill(outlier_filter.apply(columns), extraction.missing),
    )


def _merged(parts: Sequence[Part], name: str, plan: DatasetPlan) -> Part:
    if sum(map(len, parts)) == 0:
        window = plan.extraction.window
        raise Unprocessable(
            f"the {name} part has no labelled window of {window.size} rows; "
            "take a longer range, a smaller window or another val_split",
            reason="PART_EMPTY",
            metadata={"part": name},
        )
    return Part(
        features=np.concatenate([part.features for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        starts=np.concatenate([part.starts for part in parts]),
        device_codes=np.concatenate([part.device_codes for part in parts]),
        purity=np.concatenate([part.purity for part in parts]),
        rows=np.sum([part.rows for part in parts], axis=0),
        unlabelled=sum(part.unlabelled for part in parts),
    )


def _no_windows(columns: int) -> Part:
    return Part(
        features=np.empty((0, columns)),
        labels=np.empty(0, dtype=np.int64),
        starts=np.empty(0, dtype="datetime64[us]"),
        device_codes=np.empty(0, dtype=np.object_),
        purity=np.empty(0),
        rows=np.empty(0, dtype=np.int64),
    )
