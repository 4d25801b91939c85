"""Anomalies on SKAB's valve runs by its leaderboard's protocol, beside the published figures and the clock alone."""

from pathlib import Path
from typing import Final

from bench.measure import Figure, Report
from bench.skab import SHIFT, Figures, Run, between, figures, read_run, verdict_of
from feature_service.domain.anomaly.method import AnomalyMethod

_RUNS: Final = 16
_PUBLISHED: Final = {
    "Conv-AE": Figures(f1=0.79, false_alarms=13.7, missed=17.8),
    "MSET": Figures(f1=0.73, false_alarms=20.8, missed=20.1),
    "LSTM-AE": Figures(f1=0.68, false_alarms=14.2, missed=35.6),
    "T² and Q on PCA": Figures(f1=0.67, false_alarms=14.0, missed=36.3),
    "isolation forest": Figures(f1=0.40, false_alarms=6.9, missed=72.1),
}
_GOAL: Final = "≥ 0.82 with ≤ 12 % false alarms; 0.87"


async def run(folder: Path) -> Report:
    """Score the runs in SKAB's folder, `valve1-0.csv` to `valve1-15.csv`, which is only read."""
    runs = [read_run(folder / f"valve1-{number}.csv") for number in range(_RUNS)]
    report = Report(
        title="Anomalies on SKAB, F1",
        note=f"The {_RUNS} valve runs, default settings, fitted on the first 400 rows of each, every row judged; the "
        "defaults were chosen on the odd runs. The leaderboard's are of all 34 files.",
    )
    _own(report, runs)
    for name, published in _PUBLISHED.items():
        report.figures.append(_figure(f"{name}, as its leaderboard has it", published))
    for name, verdict in (
        ("the clock alone: rows 570 to 974", between(570, 974)),
        ("the clock alone: every row from 400", between(400)),
    ):
        report.figures.append(_figure(name, figures(verdict, runs)))
        report.figures.append(
            _figure(f"{name}, faults {SHIFT} rows later", figures(verdict, [each.shifted(SHIFT) for each in runs]))
        )
    return report


def _own(report: Report, runs: list[Run]) -> None:
    pca = verdict_of(AnomalyMethod.PCA)
    report.figures.append(_figure("pca, the default", figures(pca, runs), _GOAL))
    for name, part in {
        "odd runs": runs[1::2],
        "even runs": runs[0::2],
        f"faults {SHIFT} rows later": [each.shifted(SHIFT) for each in runs],
        f"faults {SHIFT} rows earlier": [each.shifted(-SHIFT) for each in runs],
    }.items():
        report.figures.append(_figure(f"pca, {name}", figures(pca, part)))
    for method in (AnomalyMethod.ROBUST_Z, AnomalyMethod.ISOLATION_FOREST):
        report.figures.append(_figure(method.value, figures(verdict_of(method), runs)))


def _figure(name: str, found: Figures, goal: str = "") -> Figure:
    return Figure(
        name=name,
        value=found.f1,
        unit="",
        beside=f"false alarms {found.false_alarms:.1f} %, missed {found.missed:.1f} %",
        goal=goal,
    )
