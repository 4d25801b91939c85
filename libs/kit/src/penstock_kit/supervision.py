"""Work in the background that must not end by a failure nobody foresaw."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from penstock_kit.logging import get_logger

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0

log = get_logger(__name__)


async def supervise(
    name: str,
    work: Callable[[], Awaitable[object]],
    *,
    first_pause: float = _FIRST_PAUSE,
    longest_pause: float = _LONGEST_PAUSE,
) -> None:
    """Do `work` until it returns or is cancelled; what fails is logged with its traceback and begun again.

    The pause before that doubles from `first_pause` to `longest_pause` seconds while its lives are shorter than that.
    """
    pause = first_pause
    while True:
        began = time.monotonic()
        try:
            await work()
        except Exception:
            lived = time.monotonic() - began  # without what it takes to tell of its end
            log.exception("background work failed and begins again", task=name)
        else:
            return
        if lived >= longest_pause:
            pause = first_pause
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest_pause)
