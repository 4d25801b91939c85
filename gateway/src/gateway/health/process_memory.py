"""How much memory the gateway and the four services have: each is asked for its own."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from penstock.common.v1.process_pb2 import GetMemoryRequest

from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.grpc.process_memory import own_memory
from penstock_kit.ids import new_id

if TYPE_CHECKING:
    from penstock.common.v1.process_pb2_grpc import ProcessServiceAsyncStub

_TIMEOUT_SECONDS: Final = 1.5
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMemory:
    """The memory of a service's process in bytes, 0 where it is not known; `detail` says why a service tells none."""

    rss: int = 0
    pss: int = 0
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the figures in MB, null where unknown."""
        figures: dict[str, Any] = {"rss_mb": _megabytes(self.rss), "pss_mb": _megabytes(self.pss)}
        return {**figures, "detail": self.detail} if self.detail else figures


async def read_memory(processes: "Mapping[str, ProcessServiceAsyncStub]") -> dict[str, Any]:
    """Return the memory of all five processes and their sums; a service that does not answer has nulls."""
    own = await asyncio.to_thread(own_memory)
    gateway = ServiceMemory(rss=own.rss, pss=own.pss)
    start_turn = await asyncio.gather(*(_ask(stub) for stub in processes.values()))
    services = {"gateway": gateway, **dict(zip(processes, start_turn, strict=True))}
    return {
        "memory": {
            **gateway.to_json(),
            "total_rss_mb": _megabytes(sum(each.rss for each in services.values())),
            "total_pss_mb": _megabytes(sum(each.pss for each in services.values())),
        },
        "services": {name: each.to_json() for name, each in services.items()},
    }


async def _ask(stub: "ProcessServiceAsyncStub") -> ServiceMemory:
    context = CallContext(request_id=new_id("req"), caller=SYSTEM, deadline=time.monotonic() + _TIMEOUT_SECONDS)
    try:
        with use_context(context):
            answer = await stub.GetMemory(GetMemoryRequest())
    except PenstockError:
        return ServiceMemory(detail="it does not answer")
    return ServiceMemory(rss=answer.rss_bytes, pss=answer.pss_bytes)


def _megabytes(size: int) -> float | None:
    return round(size / _MEGABYTE, 1) if size else None
