"""From the rows of several devices to the arrays of a data set."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from feature_service.domain.dataset.data_hash import data_hash
from feature_service.domain.dataset.label import (
    NO_LABEL,
    Classes,
    LabelArray,
    LabelledRows,
    LabelRows,
    WindowLabels,
    classes_of,
    codes_of,
    joined,
    window_labels,
)
from feature_service.domain.dataset.partition import InlineRunner, Partition, PartitionRunner, partitions_of
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.split import RowRange, row_ranges, window_of, with_embargo
from feature_service.domain.extraction.extract import (
    FittedPreprocessing,
    feature_names,
)
from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE
from feature_service.domain.extraction.range_cleaning import CleanRange
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import Windowing, WindowRows, window_rows
from feature_service.domain.model.array import FloatArray, IndexArray, TextArray, TimeArray
from feature_service.domain.preprocessing.method import OutlierMethod
from feature_service.domain.preprocessing.missing import CONSTANT_FILLS, MissingFill, fit_missing_fill
from feature_service.domain.preprocessing.outlier import Fence, OutlierFilter, fit_outlier_filter
from feature_service.domain.preprocessing.scaling import scale_columns
from penstock_kit.errors import Unprocessable

_LABELS_AT_ONCE: Final = 250_000
"""Rows whose labels are in memory at once."""


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
    devices: Mapping[str, LabelledRows],
    plan: DatasetPlan,
    progress: Callable[[float], None],
    runner: PartitionRunner | None = None,
) -> BuiltDataset:
    """Return the data set of the devices' rows, whose partitions `runner` computes (left out: this thread).

    `progress` is told the share that is done, 0 to 1, never less than before; what it raises ends the build.

    Fences, fills and scalers are fitted on the training part only. Raises Unprocessable LABEL_EMPTY,
    CLASSES_LIMIT_EXCEEDED or PART_EMPTY, InvalidArgument DEVICES_REQUIRED, and what the runner does.
    """
    classes = classes_of([rows.labels for rows in devices.values()])
    times = {code: rows.frame.timestamps for code, rows in devices.items()}
    cut = with_embargo(row_ranges({code: len(each) for code, each in times.items()}, plan, times), times, plan.embargo)
    windows = _fitted_windows(devices, [row_range for row_range in cut if row_range.training], plan, classes)
    parts = _parts(devices, cut, windows, runner or InlineRunner(), progress)
    by_training = {
        training: [part for part, row_range in zip(parts, cut, strict=True) if row_range.training is training]
        for training in (True, False)
    }
    del parts  # each part is let go once it is merged: of large data sets there is no room for three copies
    train = _merged(by_training.pop(True), "training", plan)
    check = _merged(by_training.pop(False), "validation", plan)
    extraction = plan.extraction
    scaler = scale_columns(
        train.features, extraction.normalize, extraction.value_range, most_values=MOST_VALUES_AT_ONCE
    )
    scaler.apply_in_place(check.features)
    fields = tuple(next(iter(devices.values())).frame.numbers)
    return BuiltDataset(
        training=train,
        validation=check,
        classes=classes,
        fields=fields,
        feature_names=feature_names(fields, windows.features),
        fitted=FittedPreprocessing(
            outlier_filter=windows.outlier_filter, missing_fill=windows.missing_fill, scaler=scaler
        ),
        data_hash=data_hash(devices),
    )


def _parts(
    devices: Mapping[str, LabelledRows],
    cut: Sequence[RowRange],
    windows: "_Windows",
    runner: PartitionRunner,
    progress: Callable[[float], None],
) -> list[Part]:
    """The labelled windows of each row range. Rows are cleaned when the runner has room for them."""
    drafts: list[_Draft] = []

    def partitions() -> Iterator[Partition]:
        for place, row_range in enumerate(cut):
            draft, own = windows.draft(devices[row_range.device_code], row_range, place)
            drafts.append(draft)
            yield from own

    def told(partition: Partition, share: float) -> None:
        done = (partition.windows.start + share * len(partition)) / len(drafts[partition.row_range].starts)
        progress((partition.row_range + done) / len(cut))

    for partition, made in runner.run(partitions(), told):
        drafts[partition.row_range].add(partition.windows, made.values)
    columns = len(windows.features) * len(next(iter(devices.values())).frame.numbers)
    return [draft.part(columns) for draft in drafts]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draft:
    """A part of which labels and times are known, and the features of more and more windows."""

    row_range: RowRange
    starts: TimeArray
    labels: WindowLabels
    rows: IndexArray
    features: list[FloatArray] = field(default_factory=list[FloatArray])

    def add(self, windows: slice, values: FloatArray) -> None:
        """Take the features of the windows that follow those there are."""
        self.features.append(values[self.labels.codes[windows] != NO_LABEL])

    def part(self, columns: int) -> Part:
        """Return the part, whose windows have so many features."""
        labelled = self.labels.codes != NO_LABEL
        features = np.concatenate(self.features) if self.features else np.empty((0, columns))
        self.features.clear()
        return Part(
            features=features,
            labels=self.labels.codes[labelled],
            starts=self.starts[labelled],
            device_codes=np.full(int(labelled.sum()), self.row_range.device_code, dtype=np.object_),
            purity=self.labels.purity[labelled],
            rows=self.rows,
            unlabelled=int((~labelled).sum()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windows:
    """Makes the windows of a row range with what was fitted on the training rows."""

    plan: DatasetPlan
    features: tuple[str, ...]
    classes: Classes
    outlier_filter: OutlierFilter
    missing_fill: MissingFill

    def draft(self, rows: LabelledRows, row_range: RowRange, place: int) -> tuple[_Draft, Iterator[Partition]]:
        """Return the labels of a row range's windows and the partitions that make their features.

        There are none when the range is shorter than a window. `place` is the number of the range.
        """
        inside = slice(row_range.start, row_range.stop)
        clean = CleanRange(rows.frame.cut(inside), self.outlier_filter, self.missing_fill)
        window = window_of(self.plan, row_range, rows.frame.timestamps)
        labels, times = rows.labels[inside], clean.times
        windows = window_rows(times, window)
        return _Draft(
            row_range=row_range,
            starts=windows.times,
            labels=self._labels(labels, clean, self._label_rows(times, windows, window)),
            rows=self._counted(labels),
        ), partitions_of(row_range.device_code, clean, windows, window=window, features=self.features, row_range=place)

    def _counted(self, labels: LabelArray) -> IndexArray:
        """How many rows there are of each class, last of none."""
        kinds = len(self.classes.labels)
        counted = np.zeros(kinds + 1, dtype=np.int64)
        for start in range(0, len(labels), _LABELS_AT_ONCE):
            codes = codes_of(labels[start : start + _LABELS_AT_ONCE], self.classes)
            counted += np.bincount(np.where(codes == NO_LABEL, kinds, codes), minlength=kinds + 1)
        return counted

    def _label_rows(self, times: TimeArray, windows: WindowRows, window: Windowing) -> LabelRows:
        """The rows that give the windows their labels."""
        if not self.plan.horizon or len(windows) == 0:
            return LabelRows(first=windows.first, stop=windows.stop)
        if isinstance(window, WindowPlan):
            return LabelRows.ahead(windows.first, window.size, times, self.plan.horizon)
        return LabelRows.behind(windows, window, times, self.plan.horizon)

    def _labels(self, labels: LabelArray, clean: CleanRange, rows: LabelRows) -> WindowLabels:
        """The labels of windows: as many at once as begin within some rows."""
        made: list[WindowLabels] = []
        begin = 0
        while begin < len(rows.first):
            end = max(begin + 1, int(np.searchsorted(rows.first, rows.first[begin] + _LABELS_AT_ONCE)))
            some = rows.cut(slice(begin, end))
            inside = slice(max(0, int(some.first.min()) - 1), int(max(some.first.max(), some.stop.max())))
            codes = codes_of(labels[clean.original(inside)], self.classes)
            made.append(window_labels(codes, self.classes, some.less(inside.start), self.plan.label_mode))
            begin = end
        return joined(made)


def _fitted_windows(
    devices: Mapping[str, LabelledRows], training: Sequence[RowRange], plan: DatasetPlan, classes: Classes
) -> _Windows:
    extraction = plan.extraction
    outlier_filter = fit_outlier_filter({}, extraction.outliers, extraction.outlier_threshold)
    missing_fill = fit_missing_fill({}, extraction.missing)
    if extraction.outliers is not OutlierMethod.NONE or extraction.missing in CONSTANT_FILLS:
        frames = [devices[each.device_code].frame.cut(slice(each.start, each.stop)).numbers for each in training]
        fences: dict[str, Fence] = {}
        constants: dict[str, float] = {}
        for name in frames[0] if frames else ():  # one by one: all columns together would be the rows once more
            column = {name: np.concatenate([numbers[name] for numbers in frames])}
            own = fit_outlier_filter(column, extraction.outliers, extraction.outlier_threshold)
            fences |= own.fences
            constants |= fit_missing_fill(own.apply(column), extraction.missing).constants
        outlier_filter = replace(outlier_filter, fences=fences)
        missing_fill = replace(missing_fill, constants=constants)
    return _Windows(
        plan=plan,
        features=resolve_features(extraction.features),
        classes=classes,
        outlier_filter=outlier_filter,
        missing_fill=missing_fill,
    )


def _merged(parts: Sequence[Part], name: str, plan: DatasetPlan) -> Part:
    if sum(map(len, parts)) == 0:
        window = plan.extraction.window
        raise Unprocessable(
            f"the {name} part has no labelled window of {window}; "
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
