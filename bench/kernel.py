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
from bench.feature import FIELDS, KEY, ROUNDS, ROWS, SEVENTEEN, SPECTRAL, WINDOW, made_up, one_core
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
    two_cores(report, frame, (*SEVENTEEN, *SPECTRAL))
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
    """Overlap 0.9 beside 0.5, in turn."""
    pairs = [
        tuple(_seconds(frame, WindowPlan(size=WINDOW.size, overlap=each), features) for each in (0.9, 0.5))
        for _ in range(ROUNDS)
    ]
    slower = statistics.median(first / second for first, second in pairs)
    report.figures.append(
        Figure(
            name=f"kernel, {len(features)} features, overlap 0.9",
            value=len(frame) / statistics.median(first for first, _ in pairs) / 1e6,
            unit="M rows/s",
            beside=f"overlap 0.5; it takes {slower:.2f} × the time",
            ratio=1 / slower,
            goal="≤ 4 × the time",
        )
    )


def _seconds(frame: Frame, plan: WindowPlan, features: Sequence[str]) -> float:
    begun = time.process_time()
    for values in frame.numbers.values():
        window_features(values, plan, features)
    return time.process_time() - begun


def two_cores(report: Report, frame: Frame, features: Sequence[str]) -> None:
    """Two threads, a field each; beside one thread, in turn."""

    def of_field(name: str) -> object:
        return window_features(frame.numbers[name], WINDOW, features)

    def made(threads: int) -> float:
        with ThreadPoolExecutor(threads) as pool:
            begun = time.perf_counter()
            list(pool.map(of_field, frame.numbers))
            return time.perf_counter() - begun

    pairs = [(made(2), made(1)) for _ in range(ROUNDS)]
    report.figures.append(
        Figure(
            name=f"kernel, {len(features)} features, two cores",
            value=len(frame) / statistics.median(two for two, _ in pairs) / 1e6,
            unit="M rows/s",
            beside="one core",
            ratio=statistics.median(one / two for two, one in pairs),
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
