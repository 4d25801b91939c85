"""ProcessService: what every server tells of its own process."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import psutil
from penstock.common.v1 import process_pb2, process_pb2_grpc

from penstock_kit.turns import take_turns

_NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMemory:
    """The memory of a process in bytes; `pss` counts what it shares with others by its share, 0 when unknown."""

    rss: int
    pss: int


def own_memory() -> ProcessMemory:
    """Measure this process. Blocks for a moment: the system walks through its pages."""
    full: Any = psutil.Process().memory_full_info()
    return ProcessMemory(rss=full.rss, pss=getattr(full, "pss", 0))


class ProcessServicer(process_pb2_grpc.ProcessServiceServicer):
    """Answers for the process it runs in. `delay` is how many seconds what is asked waits in queues of its own."""

    def __init__(self) -> None:
        self.delay: Callable[[], float] = float

    async def GetMemory(self, request: process_pb2.GetMemoryRequest, context: Any) -> process_pb2.GetMemoryResponse:
        """Tell the memory of this process."""
        memory = await asyncio.to_thread(own_memory)
        return process_pb2.GetMemoryResponse(rss_bytes=memory.rss, pss_bytes=memory.pss)

    async def GetDelay(self, request: process_pb2.GetDelayRequest, context: Any) -> process_pb2.GetDelayResponse:
        """Tell the delay of this process, after as many turns of its event loop as a call takes."""
        await take_turns()
        response = process_pb2.GetDelayResponse()
        response.delay.FromNanoseconds(int(self.delay() * _NANOS))
        return response
