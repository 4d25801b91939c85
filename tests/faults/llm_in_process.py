"""The real llm-service in this process, with fake vendors before it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.llm.v1 import cost_pb2, cost_pb2_grpc, llm_pb2, llm_pb2_grpc

from llm_service.main import serve
from llm_service.settings import LlmSettings
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import open_channel
from penstock_testkit.servers.process import free_port
from penstock_testkit.system import PATIENT_WITH_VENDORS
from penstock_testkit.waiting import HANG_SECONDS

ALICE = Caller(user_id="alice", key_id="k1")
ADMIN = Caller(user_id="root", scopes=frozenset({"admin", "operator"}))


def as_caller(caller: Caller) -> Any:
    """Make `caller` the one who asks inside the block."""
    return use_context(CallContext(request_id="req_fault", caller=caller))


@dataclass(frozen=True)
class Llm:
    """Stubs of the running service."""

    llm: Any
    costs: Any

    async def complete(self, model: str = "", text: str = "ping", **fields: Any) -> llm_pb2.Completion:
        """Return a whole answer."""
        request = llm_pb2.CompleteRequest(completion=completion(text, model=model, **fields))
        return (await self.llm.Complete(request)).completion

    async def stream(self, model: str = "", text: str = "ping", **fields: Any) -> list[llm_pb2.CompletionEvent]:
        """Return the events of a streamed answer."""
        request = llm_pb2.StreamCompleteRequest(completion=completion(text, model=model, **fields))
        return [event async for response in self.llm.StreamComplete(request) for event in response.events]

    async def provider(self, name: str) -> llm_pb2.ProviderState:
        """Return what is known of a provider."""
        with as_caller(ADMIN):
            listed = await self.llm.ListProviders(llm_pb2.ListProvidersRequest())
        return next(state for state in listed.providers if state.name == name)

    async def ledger(self) -> list[cost_pb2.LedgerEntry]:
        """Return the rows of the ledger, newest first."""
        with as_caller(ADMIN):
            return list((await self.costs.ListLedger(cost_pb2.ListLedgerRequest(page_size=1000))).entries)

    async def wait_rows(self, count: int) -> list[cost_pb2.LedgerEntry]:
        """Return the rows once there are `count`; TimeoutError after 5 s."""
        rows: list[cost_pb2.LedgerEntry] = []
        async with asyncio.timeout(HANG_SECONDS):
            while len(rows) < count:
                rows = await self.ledger()
        return rows


def completion(text: str, **fields: Any) -> llm_pb2.CompletionRequest:
    """Return a question of one user message."""
    message = llm_pb2.Message(role=llm_pb2.ROLE_USER, parts=[llm_pb2.Part(text=text)])
    return llm_pb2.CompletionRequest(messages=[message], **fields)


@asynccontextmanager
async def running(home: Path, config: str, **settings: Any) -> AsyncGenerator[Llm]:
    """Run the service with the configuration file `config` and these settings until the block ends.

    No vendor is given up for being slow unless the settings say so: how slow is the machine's to decide.
    """
    file = home / "llm.yaml"
    file.write_text(config)
    port = free_port()
    given = {
        **{name: seconds for name, seconds in PATIENT_WITH_VENDORS.items() if name.startswith("LLM_")},
        "PENSTOCK_GRACE_SECONDS": 1,
    } | settings
    loaded = LlmSettings(
        _env_file=None,  # type: ignore[call-arg]
        PENSTOCK_HOME=home,
        LLM_SERVICE_PORT=port,
        LLM_SERVICE_METRICS_PORT=0,
        LLM_CONFIG_FILE=str(file),
        **given,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(serve(loaded, stop))
    try:
        async with open_channel(f"127.0.0.1:{port}", service="llm-service") as channel:
            await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
            yield Llm(llm=llm_pb2_grpc.LlmServiceStub(channel), costs=cost_pb2_grpc.CostServiceStub(channel))
    finally:
        stop.set()
        await asyncio.wait_for(task, HANG_SECONDS)
