"""Whether the whole can serve: asks every service and the own store, at once and with short timeout."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from penstock.cache.v1 import cache_pb2
from penstock.chat.v1 import chat_pb2
from penstock.common.v1.common_pb2 import ComponentStatus
from penstock.feature.v1 import feature_pb2
from penstock.llm.v1 import llm_pb2

from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.ids import new_id

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub
    from penstock.chat.v1.chat_pb2_grpc import StreamServiceAsyncStub
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

State = Literal["ok", "degraded", "down"]

_TIMEOUT_SECONDS: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A service or store: its state, and why it is not ok."""

    name: str
    state: State
    required: bool
    detail: str = ""
    milliseconds: float | None = None
    parts: tuple[ComponentStatus, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the component for ``/ready``."""
        json: dict[str, Any] = {"state": self.state, "required": self.required}
        if self.detail:
            json["detail"] = self.detail
        if self.milliseconds is not None:
            json["ms"] = self.milliseconds
        if self.parts:
            json["stores"] = {
                part.name: {"state": part.state, **({"detail": part.detail} if part.detail else {})}
                for part in self.parts
            }
        return json


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The state of all components."""

    components: tuple[Component, ...]
    draining: bool = False

    @property
    def ready(self) -> bool:
        """Whether requests can be served."""
        return not self.draining and all(entry.state != "down" for entry in self.components if entry.required)

    @property
    def degraded(self) -> list[str]:
        """Names of what is not ok, a service's stores as ``service/store``."""
        names = [entry.name for entry in self.components if entry.state != "ok"]
        for entry in self.components:
            names += [f"{entry.name}/{part.name}" for part in entry.parts if part.state != "ok"]
        return names

    def to_json(self) -> dict[str, Any]:
        """Return the body of ``/ready``."""
        status = "ready" if self.ready else "unavailable"
        if self.draining:
            status = "draining"
        elif self.ready and self.degraded:
            status = "degraded"
        return {
            "status": status,
            "ready": self.ready,
            "degraded": self.degraded,
            "services": {entry.name: entry.to_json() for entry in self.components},
        }


@dataclass(slots=True, kw_only=True)
class Readiness:
    """Answers ``/ready``. `ping_store` asks the gateway's own store."""

    llm: "LlmServiceAsyncStub"
    chat: "StreamServiceAsyncStub"
    features: "FeatureServiceAsyncStub"
    cache: "CacheServiceAsyncStub"
    ping_store: Callable[[], Awaitable[None]]
    timeout: float = _TIMEOUT_SECONDS
    draining: bool = field(default=False)

    def drain(self) -> None:
        """Answer from now on that the gateway is not ready, for it is about to stop."""
        self.draining = True

    async def report(self) -> Report:
        """Ask everybody at once; takes at most the timeout."""
        components = await asyncio.gather(
            self._ask("gateway/database", self._own_store, required=True),
            self._ask("llm-service", self._llm, required=True),
            self._ask("chat-stream-service", self._chat, required=True),
            self._ask("feature-service", self._feature, required=False),
            self._ask("cache-service", self._cache, required=False),
        )
        return Report(components=tuple(components), draining=self.draining)

    async def own_report(self) -> Report:
        """Ask the gateway's own store alone: for probes, so that a service that is down takes no gateway out."""
        store = await self._ask("gateway/database", self._own_store, required=True)
        return Report(components=(store,), draining=self.draining)

    async def _ask(self, name: str, question: Callable[[], Awaitable[Any]], *, required: bool) -> Component:
        begun = time.perf_counter()
        context = CallContext(request_id=new_id("req"), caller=SYSTEM, deadline=time.monotonic() + self.timeout)
        try:
            with use_context(context):
                async with asyncio.timeout(self.timeout + 0.2):
                    answer = await question()
        except PenstockError as error:
            return Component(name=name, state="down", required=required, detail=error.message)
        except TimeoutError:
            return Component(name=name, state="down", required=required, detail=f"no answer in {self.timeout:g} s")
        parts = tuple(getattr(answer, "components", ()))
        return Component(
            name=name,
            state=_worst(parts),
            required=required,
            milliseconds=round((time.perf_counter() - begun) * 1000, 1),
            parts=parts,
        )

    async def _own_store(self) -> None:
        await self.ping_store()

    async def _llm(self) -> Any:
        return await self.llm.GetStatus(llm_pb2.GetStatusRequest())

    async def _chat(self) -> Any:
        return await self.chat.GetStatus(chat_pb2.GetStatusRequest())

    async def _feature(self) -> Any:
        return await self.features.GetStatus(feature_pb2.GetStatusRequest())

    async def _cache(self) -> Any:
        return await self.cache.GetStatus(cache_pb2.GetStatusRequest())


def _worst(parts: tuple[ComponentStatus, ...]) -> State:
    """A service that answers is at worst degraded, unless it says what it can't do without: it knows best."""
    if any(part.blocking and part.state != "ok" for part in parts):
        return "down"
    return "ok" if all(part.state == "ok" for part in parts) else "degraded"
