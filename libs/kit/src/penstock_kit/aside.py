"""Work that takes long because its input is large, on a thread beside the event loop, so that others are answered.

All of it takes turns on one thread: threads share the interpreter, and beside several the loop would wait for each. Of
those that wait the tenants take turns: one that sends much at once delays another's work by one turn.
"""

import asyncio
import contextvars
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from penstock_kit.context import current_context
from penstock_kit.fair_turns import FairTurns

_Result = TypeVar("_Result")
# Bytes of input up to which the work is done at once: handing it over would take as long.
_LARGE: Final = 128 * 1024
# Seconds after which a thread gives the interpreter to another that waits; Python's own 0.005 is ten calls' time.
_SWITCH: Final = 0.0005
# Its thread starts with the first work, so that what is forked from this process has one of its own.
_pool: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")
_turns: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, FairTurns]] = WeakKeyDictionary()


def is_large(size: int) -> bool:
    """Return whether work on so many bytes is done beside the event loop."""
    return size > _LARGE


def share_interpreter() -> None:
    """Let the event loop have its turn soon beside the threads of this process that compute, from now on."""
    sys.setswitchinterval(min(_SWITCH, sys.getswitchinterval()))


async def run_aside(size: int, work: Callable[[], _Result]) -> _Result:
    """Return what `work`, whose input has `size` bytes, returns; raise what it raises."""
    if not is_large(size):
        return work()
    share_interpreter()
    run = partial(contextvars.copy_context().run, work)
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, FairTurns(1)).turn(current_context().caller.tenant_id):
        return await loop.run_in_executor(_pool, run)
