"""Arrow, which takes tens of megabytes, is loaded for many rows and not for few."""

import subprocess
import sys
from pathlib import Path

from penstock_testkit.waiting import HANG_SECONDS

_CODE = """
import asyncio, sys
from pathlib import Path

import numpy as np

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span

KEY = SeriesKey(tenant_id="acme", device_code="press")


async def main(path):
    store = DuckDbTelemetryStore(path)
    times = np.arange(100_000).astype("datetime64[s]").astype("datetime64[us]")
    await store.append(KEY, Frame(timestamps=times, numbers={"a": np.arange(100_000.0)}, texts={}))
    blocks = [len(block) async for block in store.blocks(KEY, ["a"], Span(), 60_000)]
    print(blocks, len(await store.read(KEY, ["a"], Span())), "pyarrow" in sys.modules)
    print(len(await store.read(KEY, ["a", "b"], Span(end=66_667 * 1_000_000))), "pyarrow" in sys.modules)
    await store.close()


asyncio.run(main(Path(sys.argv[1])))
"""


def test_few_rows_are_read_without_arrow_and_many_by_way_of_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(tmp_path / "telemetry.duckdb")],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "[60000, 40000] 100000 False\n66667 True\n"
