"""The kernel beside tsfresh and TSFEL, on two cores and at other overlaps; an extraction's memory."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from bench import feature
from bench.feature import FIELDS, KEY, ROWS, SEVENTEEN, SPECTRAL, WINDOW, made_up, of_kernels, one_core
from bench.measure import Figure, Report
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame

_PEER: Final = Path(__file__).parent.parent / ".peers" / "features" / "bin" / "python"
_PEER_ROWS: Final = 20_480
_PEER_ROUNDS: Final = 3
_MANY: Final = 10_000_000
# Those that both have, by our names: see bench/feature_peer.py.
_OF_BOTH: Final = (
    "mean",
    "std",
    "skew",
    "kurtosis",
    "energy",
    "rms",
    "min",
    "max",
    "median",
    "slope",
    "zero_crossings",
)
_OF_TSFRESH: Final = (*_OF_BOTH, "q25", "q75", "autocorrelation_lag1")
_OF_TSFEL: Final = (*_OF_BOTH, "range")


async def run() -> Report:
    """What bench.feature measures, and these."""
    report = await feature.run()
    frame = made_up(ROWS)
    with one_core():
        peers(report, frame)
        overlaps(report, frame, SEVENTEEN)
    for features in (SEVENTEEN, (*SEVENTEEN, *SPECTRAL)):
        two_cores(report, frame, features)
    await memory(report)
    return report


def peers(report: Report, frame: Frame) -> None:
    """The kernel on the features that a peer has too, beside it, in turn; nothing where it is not installed."""
    if not _PEER.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, np.column_stack([values[:_PEER_ROWS] for values in frame.numbers.values()]))
        for name, features, goal in (("tsfresh", _OF_TSFRESH, "≥ 300 ×"), ("tsfel", _OF_TSFEL, "≥ 1,000 ×")):
            pairs = [(_rows_a_second(frame, features), _of_peer(name, path)) for _ in range(_PEER_ROUNDS)]
            ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
            report.figures.append(
                Figure(
                    name=f"kernel, the {len(features)} features of {name}",
                    value=ours / 1e6,
                    unit="M rows/s",
                    beside=f"{name}: {theirs:,.0f} rows/s",
                    ratio=statistics.median(own / other for own, other in pairs),
                    goal=goal,
                )
            )


def _rows_a_second(frame: Frame, features: Sequence[str]) -> float:
    begun = time.process_time()
    for values in frame.numbers.values():
        window_features(values, WINDOW, features)
    return len(frame) / (time.process_time() - begun)


def _of_peer(name: str, path: Path) -> float:
    script = Path(__file__).with_name("feature_peer.py")
    command = [str(_PEER), str(script), name, str(path), str(WINDOW.size), str(WINDOW.step)]
    # One core, as ours.
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600, env=alone)
    return float(json.loads(done.stdout.splitlines()[-1])["rows_per_second"])


def overlaps(report: Report, frame: Frame, features: Sequence[str]) -> None:
    """Overlap 0.9 beside 0.5."""
    plans = [WindowPlan(size=WINDOW.size, overlap=each) for each in (0.9, 0.5)]
    first, second = (of_kernels(lambda plan=plan: _compute(frame, plan, features), time.process_time) for plan in plans)
    for kernel in first:
        pairs = list(zip(first[kernel], second[kernel], strict=True))
        slower = statistics.median(one / other for one, other in pairs)
        report.figures.append(
            Figure(
                name=f"kernel, {len(features)} features, overlap 0.9{kernel}",
                value=len(frame) / statistics.median(first[kernel]) / 1e6,
                unit="M rows/s",
                beside=f"overlap 0.5; it takes {slower:.2f} × the time",
                ratio=1 / slower,
                goal="≤ 4 × the time",
            )
        )


def _compute(frame: Frame, plan: WindowPlan, features: Sequence[str]) -> None:
    for values in frame.numbers.values():
        window_features(values, plan, features)


def two_cores(report: Report, frame: Frame, features: Sequence[str]) -> None:
    """Two threads, a field each; beside one thread."""

    def of_field(name: str) -> object:
        return window_features(frame.numbers[name], WINDOW, features)

    def made(threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(of_field, frame.numbers))

    two, one = (of_kernels(lambda threads=threads: made(threads)) for threads in (2, 1))
    for kernel in two:
        report.figures.append(
            Figure(
                name=f"kernel, {len(features)} features, two cores{kernel}",
                value=len(frame) / statistics.median(two[kernel]) / 1e6,
                unit="M rows/s",
                beside="one core",
                ratio=statistics.median(a / b for a, b in zip(one[kernel], two[kernel], strict=True)),
                goal="≥ 5 M rows/s",
            )
        )


async def memory(report: Report, rows: int = _MANY) -> None:
    """The peak of a process that extracts the features of many rows, less its output."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "telemetry.duckdb"
        store = DuckDbTelemetryStore(path)
        frame = made_up(min(rows, ROWS))
        shift = np.timedelta64(len(frame), "s")
        for part in range(rows // len(frame)):
            await store.append(KEY, Frame(timestamps=frame.timestamps + part * shift, numbers=frame.numbers))
        await store.close()
        command = [sys.executable, "-m", "bench.extraction_peak", str(path), str(rows)]
        output = await asyncio.to_thread(subprocess.check_output, command, text=True, timeout=1800)
    found = json.loads(output.splitlines()[-1])
    report.figures.append(
        Figure(
            name=f"extraction of {rows // 1_000_000} M rows of {FIELDS} fields: peak beyond its output",
            value=(found["grown"] - found["output"]) / 1e6,
            unit="MB",
            beside=f"output: {found['output'] / 1e6:.0f} MB",
            goal="≤ 256 MB",
        )
    )
