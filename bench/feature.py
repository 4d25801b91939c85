"""Telemetry to features on one core: the kernel, the store before it, one device-day, and rows coming in."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pandas has no complete type information.

import asyncio
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bench.measure import Figure, Report, percentile
from feature_service.adapters.body.csv_reader import CsvReader
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.domain.extraction.extract import extract_features
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import feature_names
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.native_library import KernelChoice, choose_kernel, kernel_name
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_testkit.servers import start_postgres

FIELDS: Final = 8
ROWS: Final = 1_000_000
DAY: Final = 86_400
ROUNDS: Final = 5
WINDOW: Final = WindowPlan(size=256, overlap=0.5)
SPECTRAL: Final = ("spectral_peak", "spectral_centroid", "spectral_entropy")
LEFT_OUT: Final = ("slope_per_second", "missing_ratio", "energy")
SEVENTEEN: Final = tuple(name for name in feature_names() if name not in (*SPECTRAL, *LEFT_OUT))
KEY: Final = SeriesKey(tenant_id="bench", device_code="device")


async def run() -> Report:
    """Measure on one core."""
    report = Report(
        title="Telemetry to features, one core",
        note=f"Windows of {WINDOW.size} rows, overlap {WINDOW.overlap}, {FIELDS} float64 fields; medians of {ROUNDS}. "
        f"Features are computed by the {kernel_name()} kernel where a row names no other.",
    )
    frame = made_up(ROWS)
    with one_core():
        kernel(report, frame)
        with tempfile.TemporaryDirectory() as folder:
            await store(report, frame, Path(folder))
        csv(report, made_up(200_000))
    return report


def made_up(rows: int) -> Frame:
    """Rows of one second each, normally distributed."""
    random = np.random.default_rng(0)
    return Frame(
        timestamps=(np.arange(rows) * 1_000_000).astype("datetime64[us]"),
        numbers={f"field {number}": random.normal(size=rows) for number in range(FIELDS)},
    )


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and what it starts, on one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def kernel(report: Report, frame: Frame) -> None:
    """The kernel beside pandas' rolling windows, which have ten of the features, and NumPy's beside the native one."""
    pandas = rate(DAY, lambda: pandas_rolling(frame.first(DAY)))
    for names in (SEVENTEEN, (*SEVENTEEN, *SPECTRAL)):
        seconds = of_kernels(lambda names=names: [window_features(v, WINDOW, names) for v in frame.numbers.values()])
        rates = {name: ROWS / statistics.median(each) / 1e6 for name, each in seconds.items()}
        for kernel, value in rates.items():
            report.figures.append(
                Figure(
                    name=f"kernel, {len(names)} features{kernel}",
                    value=value,
                    unit="M rows/s",
                    beside="native" if kernel else "pandas rolling, 10 features",
                    ratio=value / (rates[""] if kernel else pandas),
                )
            )


def of_kernels(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> dict[str, list[float]]:
    """Return the seconds that `work` took in each round, by what rows say of the kernel: "" for the one that a service
    takes, and NumPy's in turn with it where that is the native one."""
    choices = {"": KernelChoice.AUTO}
    if kernel_name() == KernelChoice.NATIVE:
        choices[", by NumPy"] = KernelChoice.NUMPY
    seconds: dict[str, list[float]] = {name: [] for name in choices}
    for _ in range(ROUNDS):
        for name, choice in choices.items():
            choose_kernel(choice)
            begun = clock()
            work()
            seconds[name].append(clock() - begun)
    choose_kernel(KernelChoice.AUTO)
    return seconds


def pandas_rolling(frame: Frame) -> None:
    """Ten features by pandas."""
    for values in frame.numbers.values():
        rolling = pd.Series(values).rolling(WINDOW.size, step=WINDOW.step)
        for name in ("mean", "std", "min", "max", "median", "skew", "kurt", "sum"):
            getattr(rolling, name)()
        rolling.quantile(0.25)
        rolling.quantile(0.75)


async def store(report: Report, frame: Frame, folder: Path) -> None:
    """Rows into the store, and from there to features."""
    telemetry = DuckDbTelemetryStore(folder / "telemetry.duckdb")
    written = await written_rate(telemetry, frame)
    report.figures.append(Figure(name="into the store", value=written, unit="M rows/s"))
    seconds = [await extraction(telemetry, Span()) for _ in range(ROUNDS)]
    value = ROWS / statistics.median(seconds) / 1e6
    report.figures.append(
        Figure(name="store to 17 features", value=value, unit="M rows/s", goal="≥ 1 M rows/s on one core")
    )
    day = Span(start=5 * DAY * 1_000_000, end=6 * DAY * 1_000_000)
    days = [1e3 * await extraction(telemetry, day) for _ in range(10 * ROUNDS)]
    report.figures.append(Figure(name="one device-day, p50", value=statistics.median(days), unit="ms"))
    report.figures.append(
        Figure(name="one device-day, p95", value=percentile(days, 0.95), unit="ms", goal="≤ 60 ms over HTTP")
    )
    await telemetry.close()
    await postgresql(report, frame, beside=(written, value))


async def postgresql(report: Report, frame: Frame, beside: tuple[float, float]) -> None:
    """The same in a PostgreSQL of its own on the same core, `beside` DuckDB's two rates."""
    server = start_postgres()
    telemetry = PostgresTelemetryStore(server.url)
    await telemetry.extent(KEY)
    written = await written_rate(telemetry, frame)
    seconds = [await extraction(telemetry, Span()) for _ in range(ROUNDS)]
    await telemetry.close()
    server.stop()
    found = {"into PostgreSQL": written, "PostgreSQL to 17 features": ROWS / statistics.median(seconds) / 1e6}
    for (name, value), other in zip(found.items(), beside, strict=True):
        report.figures.append(Figure(name=name, value=value, unit="M rows/s", beside="DuckDB", ratio=value / other))


async def written_rate(telemetry: TelemetryStore, frame: Frame) -> float:
    """Millions of rows a second until they are durable."""
    begun = time.perf_counter()
    await telemetry.append(KEY, frame)
    return ROWS / (time.perf_counter() - begun) / 1e6


async def extraction(telemetry: TelemetryStore, span: Span) -> float:
    """Seconds from the question to the features."""
    begun = time.perf_counter()
    frame = await telemetry.read(KEY, [f"field {number}" for number in range(FIELDS)], span)
    await asyncio.to_thread(extract_features, frame, ExtractionPlan(window=WINDOW, features=SEVENTEEN))
    return time.perf_counter() - begun


def csv(report: Report, frame: Frame) -> None:
    """CSV text to columns."""
    body = pd.DataFrame({"timestamp": frame.timestamps, **frame.numbers}).to_csv(index=False).encode()

    def read() -> None:
        schema, plan = FieldSchema({}, is_open=True), IngestPlan(format=BodyFormat.CSV)
        rows = sum(map(len, CsvReader().rows(io.BytesIO(body), plan, schema, Rejections())))
        assert rows == len(frame)

    report.figures.append(Figure(name="CSV to columns", value=rate(len(frame), read), unit="M rows/s"))


def rate(rows: int, work: Callable[[], object]) -> float:
    """Millions of rows a second, median of the rounds."""
    seconds: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return rows / statistics.median(seconds) / 1e6
