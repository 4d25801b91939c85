"""How long another caller waits while a large body comes in, and while a data set is built."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnusedImport=false
# pyarrow has no type information.

import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from bench.feature import FIELDS, ROWS, made_up
from bench.measure import Figure, Report, percentile
from penstock_testkit.system import RunningSystem

_PAUSE: Final = 0.02
_IDLE_ASKS: Final = 150
_WINDOW: Final = 256
_RUNNING: Final = ("queued", "running")
_CLASS_ROWS: Final = 20_000
Post = Callable[[RunningSystem, str, Path], Any]


class Caller:
    """Asks for the newest rows of a device of its own, every 20 ms, over one connection."""

    def __init__(self, running: RunningSystem) -> None:
        self._connection = HTTPConnection("127.0.0.1", running.ports["PENSTOCK_HTTP_PORT"], timeout=60)
        self._headers = {"authorization": f"Bearer {running.key}", "content-type": "application/json"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the data of an answer, which must be a success."""
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, body=content, headers=self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path} answered {answer.status}: {text[:500]!r}")
        return json.loads(text)["data"]

    def delays(self, goes_on: Callable[[int], bool]) -> list[float]:
        """Milliseconds of each answer, as long as it `goes_on` after so many."""
        found: list[float] = []
        while goes_on(len(found)):
            begun = time.perf_counter()
            self.call("POST", "/api/v2/data/query/history", {"device_code": "beside", "limit": 100})
            found.append(1e3 * (time.perf_counter() - begun))
            time.sleep(_PAUSE)
        return found


def beside_load(report: Report, running: RunningSystem, path: Path, post: Post) -> None:
    """The caller alone, beside a CSV body of a million rows, and beside a data set of these rows."""
    caller = Caller(running)
    rows = [{"timestamp": 1_714_557_600 + row, "v": row} for row in range(1_000)]
    query = "/api/v2/data/ingest?create=true"
    caller.call("POST", query, {"device_code": "beside", "rows": rows})
    caller.delays(lambda count: count < _IDLE_ASKS)
    alone = caller.delays(lambda count: count < _IDLE_ASKS)
    csv = f"{query}&format=csv&device_code=load&model_code=load"
    loading = threading.Thread(target=post, args=(running, csv, path))
    loading.start()
    delays = {"a load of 1 M rows": caller.delays(lambda _: loading.is_alive())}
    loading.join()
    labelled = path.with_name("labelled.parquet")
    write_labelled(labelled)
    post(running, f"{query}&format=parquet&device_code=labelled&model_code=labelled", labelled)
    delays["a data set of 1 M rows being built"] = _beside_data_set(caller, Caller(running))
    for what, found in delays.items():
        report.figures.append(
            Figure(
                name=f"another caller's history beside {what}, p99",
                value=percentile(found, 0.99),
                unit="ms",
                beside=f"alone: {percentile(alone, 0.99):.1f} ms; p50 {percentile(found, 0.5):.1f} of {len(found)}",
                goal="≤ 50 ms",
            )
        )


def write_labelled(path: Path) -> None:
    """Write the rows with a label that is one of three in stretches."""
    frame = made_up(ROWS)
    classes = np.array(["a", "b", "c"])[np.arange(ROWS) // _CLASS_ROWS % 3]
    pa.parquet.write_table(pa.table({"timestamp": frame.timestamps, **frame.numbers, "label": classes}), path)


def _beside_data_set(caller: Caller, builder: Caller) -> list[float]:
    fields = [f"field {place}" for place in range(FIELDS)]
    asked = {
        "model_code": "labelled",
        "label_column": "label",
        "fields": fields,
        "window_size": _WINDOW,
        "detach": True,
    }
    name = builder.call("POST", "/api/v2/ai/features/dataset", asked)["dataset_id"]

    def goes_on(count: int) -> bool:
        return count % 10 != 0 or builder.call("GET", f"/api/v2/ai/datasets/{name}")["state"] in _RUNNING

    return caller.delays(goes_on)
