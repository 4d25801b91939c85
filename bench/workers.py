"""What a second gateway behind the one port is worth: the same requests before one and before two."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.load import HEADERS, Target, throughput
from bench.measure import Figure, Report, percentile
from bench.startup import wait_for_demo
from llm_service.providers.http_client import HttpClient
from penstock_testkit.system import RunningSystem, start_system

SECONDS: Final = 6.0
CONNECTIONS: Final = 32
_BODIES: Final = {
    "realtime queries": ("/api/v2/data/query/realtime", {"model_code": "welding_ai_model", "page": 1, "page_size": 50}),
    "token counts": (
        "/v1/messages/count_tokens",
        {"model": "fallback/rules", "messages": [{"role": "user", "content": "How is WLD001?"}]},
    ),
}


async def run() -> Report:
    """Measure both, on systems of their own."""
    report = Report(
        title="One and two gateways behind one port",
        note=f"Requests a second over {CONNECTIONS} connections for {SECONDS:g} s, from a client that shares the "
        "processors with all services; p99 in brackets.",
    )
    found = [await _measured(workers) for workers in (1, 2)]
    for name in _BODIES:
        (one, one_taken), (two, two_taken) = (measured[name] for measured in found)
        beside = f"one: {one:.0f}/s ({percentile(one_taken, 0.99):.0f} ms); two: ({percentile(two_taken, 0.99):.0f} ms)"
        report.figures.append(
            Figure(name=f"{name}, two gateways", value=two, unit="/s", beside=beside, ratio=two / one if one else None)
        )
    return report


async def _measured(workers: int) -> dict[str, tuple[float, Sequence[float]]]:
    """Return requests a second and milliseconds of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        system = start_system(Path(folder) / "home", extra_env={"PENSTOCK_WORKERS": str(workers)})
        try:
            wait_for_demo(system)
            return {name: await _rate(system, path, body) for name, (path, body) in _BODIES.items()}
        finally:
            system.stop()


async def _rate(system: RunningSystem, path: str, body: object) -> tuple[float, Sequence[float]]:
    headers = {**HEADERS, "Authorization": f"Bearer {system.key}"}
    client = HttpClient(headers=HEADERS, connect_timeout=5, connections=CONNECTIONS)
    try:
        target = Target(client=client, url=system.url + path, body=json.dumps(body).encode(), headers=headers)
        await throughput(target, CONNECTIONS, 1.0)
        rate, failed, taken = await throughput(target, CONNECTIONS, SECONDS)
    finally:
        await client.close()
    if failed:
        raise RuntimeError(f"{failed} requests to {path} failed:\n{system.output()[-2000:]}")
    return rate, taken
