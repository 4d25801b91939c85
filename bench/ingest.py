"""Telemetry over HTTP until it is durable, beside what reads the same file without a service."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# pyarrow has no type information.

import contextlib
import http.client
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from bench.device_day import device_days
from bench.feature import FIELDS, ROWS, made_up
from bench.load_delay import beside_load
from bench.measure import Figure, Report
from penstock_testkit.system import RunningSystem, start_system

_ROUNDS: Final = 2
_TURNS: Final = 4
_SECONDS: Final = 600
_POINTS: Final = 200_000
_DEVICES: Final = 20


async def run() -> Report:
    """Measure over a running system."""
    report = Report(
        title="Telemetry over HTTP",
        note=f"{ROWS} rows of {FIELDS} numbers; from the first byte sent to the answer, when all is durable. "
        f"Client and services share the cores; the best of {_ROUNDS} rounds, "
        f"of Parquet and Arrow of {_TURNS} after a first.",
    )
    with tempfile.TemporaryDirectory() as folder, system(Path(folder)) as running:
        csv_bodies(report, running, Path(folder))
        arrow_bodies(report, running, Path(folder))
        device_days(report, running, "Parquet0")
        points(report, running, Path(folder))
        beside_load(report, running, Path(folder) / "rows.csv", post)
    return report


@contextlib.contextmanager
def system(folder: Path) -> Iterator[RunningSystem]:
    """A system of its own, without the demo."""
    running = start_system(folder / "home", demo=False)
    try:
        yield running
    finally:
        running.stop()


def csv_bodies(report: Report, running: RunningSystem, folder: Path) -> None:
    """CSV of one device, beside pyarrow's and DuckDB's readers of the same file."""
    path = folder / "rows.csv"
    write_csv(path)
    peers = {"pyarrow.csv": lambda: pyarrow.csv.read_csv(path), "DuckDB read_csv": lambda: duckdb_load(path)}
    beside = {name: best_rate(lambda _, read=read: read()) for name, read in peers.items()}
    ours = best_rate(
        lambda number: post(running, f"/api/v2/data/ingest?format=csv&create=true&device_code=csv{number}", path)
    )
    report.figures.append(
        Figure(
            name="CSV, durable",
            value=ours,
            unit="M rows/s",
            beside="DuckDB read_csv into a table",
            ratio=ours / beside["DuckDB read_csv"],
            goal="≥ 0.5 M rows/s",
        )
    )
    report.figures += [
        Figure(name=f"CSV by {name} alone", value=value, unit="M rows/s") for name, value in beside.items()
    ]


def arrow_bodies(report: Report, running: RunningSystem, folder: Path) -> None:
    """Parquet and an Arrow stream of one device, beside pyarrow's own reading of the file, in turn."""
    frame = made_up(ROWS)
    table = pa.table({"timestamp": frame.timestamps, **frame.numbers})
    parquet, stream = folder / "rows.parquet", folder / "rows.arrow"
    pa.parquet.write_table(table, parquet)
    with pa.ipc.new_stream(str(stream), table.schema) as writer:
        writer.write_table(table)
    for kind, path, read in (
        ("Parquet", parquet, lambda: pa.parquet.read_table(parquet)),
        ("Arrow", stream, lambda: pa.ipc.open_stream(stream.read_bytes()).read_all()),
    ):
        query = f"/api/v2/data/ingest?format={kind.lower()}&create=true&device_code={kind}"
        ours, floor = rates_in_turn(
            lambda number, query=query, path=path: post(running, f"{query}{number}", path), read
        )
        report.figures += [
            Figure(
                name=f"{kind}, durable",
                value=ours,
                unit="M rows/s",
                beside=f"pyarrow's reading of the file alone: {floor:.1f} M",
                ratio=ours / floor,
                goal="≥ 1 M rows/s",
            )
        ]


def rates_in_turn(ours: Callable[[int], object], floor: Callable[[], object]) -> tuple[float, float]:
    """Millions of rows a second of both, in the fastest of rounds taken in turn; the first warms up."""
    seconds: list[tuple[float, float]] = []
    for number in range(_TURNS + 1):
        begun = time.perf_counter()
        ours(number)
        between = time.perf_counter()
        floor()
        seconds.append((between - begun, time.perf_counter() - between))
    first, second = zip(*seconds[1:], strict=True)
    return ROWS / min(first) / 1e6, ROWS / min(second) / 1e6


def points(report: Report, running: RunningSystem, folder: Path) -> None:
    """Line protocol in bodies of many devices, with one field and with eight."""
    for fields, goal in ((1, "≥ 0.2 M points/s"), (FIELDS, "")):
        path = folder / f"points{fields}.txt"
        write_points(path, fields)
        value = best_rate(lambda _, path=path: post(running, "/api/v2/write?precision=s", path), _POINTS)
        name = f"line protocol, {fields} field{'s' if fields > 1 else ''}, {_DEVICES} devices, durable"
        report.figures.append(Figure(name=name, value=value, unit="M points/s", goal=goal))


def write_points(path: Path, fields: int) -> None:
    """Write points of many devices in turn."""
    columns = [map(repr, values.tolist()) for values in list(made_up(_POINTS).numbers.values())[:fields]]
    with path.open("w") as file:
        for row, values in enumerate(zip(*columns, strict=True)):
            written = ",".join(f"field{place}={value}" for place, value in enumerate(values))
            file.write(f"weld,device=d{row % _DEVICES},site=a {written} {1_714_557_600 + row // _DEVICES}\n")


def write_csv(path: Path) -> None:
    """Write the rows in the shortest form that gives every double back."""
    frame = made_up(ROWS)
    times = np.datetime_as_string(frame.timestamps, unit="s").tolist()
    columns = [map(repr, values.tolist()) for values in frame.numbers.values()]
    with path.open("w") as file:
        file.write(",".join(("timestamp", *frame.numbers)) + "\n")
        file.writelines(",".join(row) + "\n" for row in zip(times, *columns, strict=True))


def duckdb_load(path: Path) -> None:
    """Load the file into a table of a new database file."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "rows.duckdb")) as connection:
        connection.execute(f"CREATE TABLE rows AS FROM read_csv('{path}')")


def best_rate(work: Any, rows: int = ROWS) -> float:
    """Millions of rows a second, in the fastest round."""
    seconds: list[float] = []
    for number in range(_ROUNDS):
        begun = time.perf_counter()
        work(number)
        seconds.append(time.perf_counter() - begun)
    return rows / min(seconds) / 1e6


def post(running: RunningSystem, path: str, body: Path, headers: Mapping[str, str] | None = None) -> Any:
    """Post a file, and return the data of the answer, which must be a success."""
    connection = http.client.HTTPConnection("127.0.0.1", running.ports["PENSTOCK_HTTP_PORT"], timeout=_SECONDS)
    with body.open("rb") as file:
        own = {"authorization": f"Bearer {running.key}", "content-length": str(body.stat().st_size)}
        connection.request("POST", path, body=file, headers={**own, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{path} answered {answer.status}: {text[:500]!r}")
    return json.loads(text) if text else None
