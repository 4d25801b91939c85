"""The outermost frame of a service process: event loop, signals, exit code."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from penstock_kit.errors import PenstockError
from penstock_kit.home import PRIVATE_UMASK
from penstock_kit.logging import get_logger
from penstock_kit.tenant_threads import TenantThreads

# Requests make many objects and next to no cycles: looking for cycles after every 700 objects took 5 % of the CPU.
_COLLECT_AFTER: Final = (20_000, 20, 20)

log = get_logger(__name__)


def collect_rarely() -> None:
    """Leave what is imported out of the search for cycles, and search seldom."""
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def run_service(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run ``main(stop)`` on uvloop until it returns; SIGTERM and SIGINT set `stop`, a second one cancels.

    What the process writes, databases, journals and logs, is its owner's alone.

    A PenstockError out of `main` (a taken port, an unwritable folder) ends the process with exit
    code 1 and its message as one line, without a traceback.
    """
    os.umask(PRIVATE_UMASK)
    collect_rarely()
    try:
        _run(_supervise(main))
    except PenstockError as error:
        log.error("cannot run", reason=error.reason, detail=error.message)
        raise SystemExit(1) from None
    except asyncio.CancelledError:
        raise SystemExit(130) from None


async def _supervise(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))

    def on_signal() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    loop.set_default_executor(TenantThreads())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await task


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(coroutine)
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)
