"""The demo loader as a short-lived process beside the service."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import Process
from typing import Final

from penstock_kit.logging import get_logger

_SECONDS: Final = 120.0

log = get_logger(__name__)


class DemoProcess:
    """Runs ``python -m feature_service.demo`` once. Until it has ended, it is the one to write telemetry."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the loader and return at once."""
        self._process = await asyncio.create_subprocess_exec(sys.executable, "-m", "feature_service.demo")
        self._task = asyncio.create_task(self._watch(self._process))

    async def wait(self) -> None:
        """Return when no loader is running."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """End the loader if it still runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        await self.wait()

    async def _watch(self, process: Process) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            code = await process.wait()
        if code != 0:
            log.warning("the demo data could not be loaded", exit_code=code)
