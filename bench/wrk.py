"""The same requests sent by wrk, where it is installed.

A client in Python is part of every latency it measures, and the slower the longer it has slept. wrk is in C and has no
share worth naming.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load import HEADERS, Target
from bench.measure import Figure

ROUNDS = 5
SECONDS = 2
SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
{headers}
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('\\n{{"p50": %f, "p99": %f, "rate": %f, "failed": %d}}\\n', latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.requests / (summary.duration / 1000000), failed))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run of wrk found; latencies in milliseconds."""

    p50: float
    p99: float
    rate: float
    failed: int


def is_installed() -> bool:
    """Whether wrk is on the path."""
    return shutil.which("wrk") is not None


def figures(direct: Target, ours: Target) -> Sequence[Figure]:
    """Latency over one connection and requests a second over many."""
    alone: list[tuple[Measured, Measured]] = []
    for _ in range(ROUNDS):
        alone.append((measured(ours, 1), measured(direct, 1)))
    many = [measured(ours, 64) for _ in range(ROUNDS)]
    failed = sum(run.failed for run in [*many, *(ours for ours, _ in alone)])
    return [
        Figure(
            name="over p50, asked by wrk",
            value=statistics.median(ours.p50 for ours, _ in alone) - statistics.median(floor.p50 for _, floor in alone),
            unit="ms",
            goal="≤ 1.5, goal 1.0",
        ),
        Figure(
            name="over p99, asked by wrk",
            value=statistics.median(ours.p99 for ours, _ in alone) - statistics.median(floor.p99 for _, floor in alone),
            unit="ms",
            goal="≤ 5",
        ),
        Figure(
            name="requests/s, 64 connections, asked by wrk",
            value=statistics.median(run.rate for run in many),
            unit="1/s",
        ),
        Figure(name="failed requests, asked by wrk", value=float(failed), unit="", goal="0"),
    ]


def measured(target: Target, connections: int) -> Measured:
    """Repeat the target's request over `connections` for SECONDS."""
    headers = {**HEADERS, **(target.headers or {})}
    script = SCRIPT.format(
        body=quoted(target.body.decode()),
        headers="\n".join(f"wrk.headers[{quoted(name)}] = {quoted(value)}" for name, value in headers.items()),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "request.lua")
        path.write_text(script)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(path), target.url]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return Measured(**json.loads(said.splitlines()[-1]))


def quoted(text: str) -> str:
    """A string as Lua reads it; JSON's escapes are Lua's but for the slash and \\u, which are not needed here."""
    return json.dumps(text, ensure_ascii=False)
