"""ProcessService: what every server tells of its own process."""

# The method bears the name of the RPC.
# ruff: noqa: N802

import asyncio
from dataclasses import dataclass
from typing import Any

import psutil
from penstock.common.v1 import process_pb2, process_pb2_grpc


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
    """Answers for the process it runs in."""

    async def GetMemory(self, request: process_pb2.GetMemoryRequest, context: Any) -> process_pb2.GetMemoryResponse:
        """Tell the memory of this process."""
        memory = await asyncio.to_thread(own_memory)
        return process_pb2.GetMemoryResponse(rss_bytes=memory.rss, pss_bytes=memory.pss)
