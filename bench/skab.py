"""Anomalies on SKAB's valve runs, by its leaderboard's protocol, beside what the clock alone would score.

    python -m bench.skab FOLDER

FOLDER holds valve1-0.csv to valve1-15.csv and anomaly-free.csv of SKAB (github.com/waico/SKAB). Every method runs with
the default settings: fitted on the first 400 rows of each file, a row is called anomalous when the newest window that
is whole at that row is. Counts of all files are added up (no point adjustment). Defaults were chosen on the odd runs.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from feature_service.domain.anomaly.detector import fit_detector, score_windows
from feature_service.domain.anomaly.method import DEFAULT_OVERLAP, DEFAULT_WINDOW_SIZE, AnomalyMethod
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.array import BoolArray, FloatArray
from feature_service.domain.model.frame import Frame

BASELINE: Final = 400
SHIFT: Final = 150
_SENSORS: Final = 8
_LABEL: Final = 9

Verdict = Callable[[FloatArray], BoolArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The sensors of a run, (rows, sensors), and which rows are faulty."""

    values: FloatArray
    faulty: BoolArray

    def shifted(self, rows: int) -> "Run":
        """Return the run with its fault so many rows later, by normal rows put in (or taken out) before it."""
        if rows < 0:
            keep = np.r_[0:BASELINE, BASELINE - rows : len(self.values)]
        else:
            keep = np.r_[0:BASELINE, BASELINE - rows : BASELINE, BASELINE : len(self.values)]
        return Run(values=self.values[keep], faulty=self.faulty[keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """F1, false alarms in % of the sound rows and missed rows in % of the faulty ones."""

    f1: float
    false_alarms: float
    missed: float


def read_run(path: Path) -> Run:
    """Return a run of SKAB; one without labels is sound."""
    header = path.open().readline().split(";")
    table = np.genfromtxt(path, delimiter=";", skip_header=1, usecols=range(1, min(len(header), _LABEL + 1)))
    faulty = table[:, _SENSORS] > 0 if table.shape[1] > _SENSORS else np.zeros(len(table), dtype=np.bool_)
    return Run(values=table[:, :_SENSORS], faulty=faulty)


def verdict_of(method: AnomalyMethod, overlap: float = DEFAULT_OVERLAP) -> Verdict:
    """Return what calls rows anomalous by a method with its defaults."""

    def verdict(values: FloatArray) -> BoolArray:
        frame = _frame(values)
        detector = fit_detector(
            frame.first(BASELINE), list(frame.numbers), method, WindowPlan(size=DEFAULT_WINDOW_SIZE)
        )
        windows = score_windows(detector, frame, overlap, threshold=detector.threshold)
        step = WindowPlan(size=DEFAULT_WINDOW_SIZE, overlap=overlap).step
        newest = (np.arange(len(values)) - DEFAULT_WINDOW_SIZE + 1) // step
        return (newest >= 0) & windows.anomalous[np.clip(newest, 0, len(windows.anomalous) - 1)]

    return verdict


def between(first: int, end: int | None = None) -> Verdict:
    """Return what looks at the row number and at nothing else."""

    def verdict(values: FloatArray) -> BoolArray:
        called = np.zeros(len(values), dtype=np.bool_)
        called[first:end] = True
        return called

    return verdict


def by_chance(values: FloatArray) -> BoolArray:
    """Call a third of the rows anomalous by chance."""
    return np.random.default_rng(0).random(len(values)) < 1 / 3


def figures(verdict: Verdict, runs: Iterable[Run]) -> Figures:
    """Return the figures over all rows of the runs."""
    hits = false = missed = sound = 0
    for run in runs:
        called = verdict(run.values)
        hits += int((called & run.faulty).sum())
        false += int((called & ~run.faulty).sum())
        missed += int((~called & run.faulty).sum())
        sound += int((~run.faulty).sum())
    return Figures(
        f1=2 * hits / max(2 * hits + false + missed, 1),
        false_alarms=100 * false / max(sound, 1),
        missed=100 * missed / max(hits + missed, 1),
    )


def _frame(values: FloatArray) -> Frame:
    times = np.datetime64("2020-03-09", "us") + np.arange(len(values)) * np.timedelta64(1_000_000, "us")
    return Frame(
        timestamps=times,
        numbers={f"sensor {index}": np.ascontiguousarray(column) for index, column in enumerate(values.T)},
    )


def _verdicts() -> dict[str, Verdict]:
    each_row = 1 - 1 / DEFAULT_WINDOW_SIZE
    return {
        "pca": verdict_of(AnomalyMethod.PCA),
        "pca, a window ends at each row": verdict_of(AnomalyMethod.PCA, each_row),
        "robust_z": verdict_of(AnomalyMethod.ROBUST_Z),
        "isolation_forest": verdict_of(AnomalyMethod.ISOLATION_FOREST),
        "clock: rows 570 to 974": between(570, 974),
        "clock: every row from 400": between(BASELINE),
        "a third of the rows by chance": by_chance,
    }


def main(folder: Path) -> None:
    """Print the figures."""
    runs = [read_run(folder / f"valve1-{number}.csv") for number in range(16)]
    parts: dict[str, Sequence[Run]] = {
        "odd": runs[1::2],
        "even": runs[0::2],
        "all": runs,
        f"{SHIFT} later": [run.shifted(SHIFT) for run in runs],
        f"{SHIFT} earlier": [run.shifted(-SHIFT) for run in runs],
    }
    free = [read_run(folder / "anomaly-free.csv")]
    print(f"| F1 / false alarms % / missed % | {' | '.join(parts)} | without faults |")
    print(f"|---{'|---' * (len(parts) + 1)}|")
    for name, verdict in _verdicts().items():
        cells = [figures(verdict, part) for part in parts.values()]
        shown = " | ".join(f"{cell.f1:.2f} / {cell.false_alarms:.1f} / {cell.missed:.1f}" for cell in cells)
        print(f"| {name} | {shown} | {figures(verdict, free).false_alarms:.1f} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
