"""What open dashboards cost: processor time of the gateway and bytes for each viewer."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from bench.measure import Figure, Report
from bench.startup import process_name, wait_for_demo
from penstock_testkit.system import RunningSystem, start_system

VIEWERS = (1, 50)
SECONDS = 20.0
SETTLE_SECONDS = 3.0


@dataclass(slots=True)
class Viewer:
    """A socket that is read, and what came over it."""

    received: int = 0
    frames: int = 0

    async def read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Count until cancelled; sizes are those of the frames' text, before compression."""
        async for message in socket:
            self.received += len(message.data)
            self.frames += 1


async def run() -> Report:
    """Compare a gateway that nobody looks at with one that one person, and fifty, look at."""
    report = Report(title="The dashboard, open")
    with tempfile.TemporaryDirectory() as folder:
        system = await asyncio.to_thread(start_system, Path(folder) / "home")
        try:
            await asyncio.to_thread(wait_for_demo, system)
            await asyncio.sleep(SETTLE_SECONDS)
            gateway = gateway_of(system)
            idle = await processor_share(gateway)
            report.figures.append(Figure(name="gateway, no viewer", value=idle, unit="% of a core"))
            for count in VIEWERS:
                report.figures += await viewed(system, gateway, count, idle)
        finally:
            await asyncio.to_thread(system.stop)
    return report


async def viewed(system: RunningSystem, gateway: psutil.Process, count: int, idle: float) -> list[Figure]:
    """Return what `count` viewers add to the `idle` share, and what each of them is sent."""
    headers = {"Authorization": f"Bearer {system.key}"}
    viewers = [Viewer() for _ in range(count)]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(system.url, headers=headers))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        readers = [
            group.create_task(viewer.read(await stack.enter_async_context(http.ws_connect("/ws/dashboard"))))
            for viewer in viewers
        ]
        await asyncio.sleep(SETTLE_SECONDS)
        before = sum(viewer.received for viewer in viewers)
        share = await processor_share(gateway)
        sent = (sum(viewer.received for viewer in viewers) - before) / count / SECONDS / 1024
        for reader in readers:
            reader.cancel()
    named = f"{count} viewer{'s' if count > 1 else ''}"
    goal = "≤ 2 %" if count == 1 else ""
    return [
        Figure(name=f"{named}, added to the gateway", value=share - idle, unit="% of a core", goal=goal),
        Figure(name=f"{named}, sent to each", value=sent, unit="KB/s", goal="≤ 20 KB/s"),
    ]


async def processor_share(process: psutil.Process) -> float:
    """Return how much of a core a process takes over some seconds, in percent."""
    process.cpu_percent()
    await asyncio.sleep(SECONDS)
    return process.cpu_percent()


def gateway_of(system: RunningSystem) -> psutil.Process:
    """Return the gateway's process."""
    children = psutil.Process(system.process.pid).children(recursive=True)
    return next(each for each in children if process_name(each) == "gateway")
