"""What an extraction takes of memory beside its output, in a process of its own.

    python -m bench.extraction_peak FILE ROWS

FILE is a telemetry file with the rows of bench.feature.KEY. Prints bytes of the output and of the peak beyond what the
process had before: the store open, everything imported.
"""

import asyncio
import json
import sys
from pathlib import Path

from bench.feature import FIELDS, KEY, SEVENTEEN, WINDOW
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.model.span import Span
from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix


def peak() -> int:
    """The most memory that this process has had, in bytes; getrusage would begin with that of the parent."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


async def extract(path: Path, rows: int) -> dict[str, int]:
    """Extract the features of all rows."""
    store = DuckDbTelemetryStore(path)
    fields = [f"field {number}" for number in range(FIELDS)]
    plan = ExtractionPlan(window=WINDOW, features=SEVENTEEN)
    few = Span(end=WINDOW.size * 4 * 1_000_000)
    await FeatureStream(store, KEY, few, plan).fill(MemoryMatrix(), fields, WINDOW.size * 4)
    before = peak()
    matrix = MemoryMatrix()
    await FeatureStream(store, KEY, Span(), plan).fill(matrix, fields, rows)
    found = {"output": matrix.values.nbytes, "grown": peak() - before}
    await store.close()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(extract(Path(sys.argv[1]), int(sys.argv[2])))))
