"""The law of the cut: a budget ends an answer at the same piece, alone or among many, whether or not pieces gather."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from penstock.common.v1 import common_pb2
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc, llm_pb2, llm_pb2_grpc

from llm_service.main import serve
from llm_service.settings import LlmSettings
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import open_channel
from penstock_kit.token_estimate import estimate_tokens
from penstock_testkit.servers.process import free_port
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Received, Reply
from penstock_testkit.waiting import HANG_SECONDS

ADMIN = Caller(user_id="root", scopes=frozenset({"admin"}))
STREAMS = 50
SECONDS_A_PIECE = 0.005
# Of the prompt's part of what is set aside, and of an answer of some ten tokens more; USD.
LIMIT = "0.00012"
CONFIG = "prices: [{provider: openai, model: m1, input: 1, output: 2}]"
# No waiting for others at all, the setting's own value, and the longest it may have.
GATHERING = (0.0, 0.008, 0.1)
# Tokens of each piece of an answer; together always more than the budget pays.
sizes = st.lists(st.integers(1, 5), min_size=60, max_size=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """An answer that its budget ended: the pieces its reader got and the tokens of its row in the ledger."""

    pieces: Sequence[str]
    reason: str
    row_tokens: int
    row_outcome: str


@settings(max_examples=2, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow])
@given(tokens=sizes)
def test_a_budget_cuts_a_stream_at_the_same_piece_alone_and_among_fifty_however_long_pieces_gather(
    tokens: list[int],
) -> None:
    for gathering in GATHERING:
        asyncio.run(_law(_pieces(tokens), gathering))


def _pieces(tokens: Sequence[int]) -> Sequence[str]:
    """Different texts of so many tokens each."""
    pieces = [f"{number:02}".ljust(4 * count - 2, "x") for number, count in enumerate(tokens)]
    assert [estimate_tokens(piece) for piece in pieces] == tokens
    return pieces


async def _law(pieces: Sequence[str], gathering: float) -> None:
    reply = Reply(chunks=pieces, chunk_delay=SECONDS_A_PIECE, usage=None)
    async with OpenAiServer(default=reply) as vendor, _service(vendor, gathering) as (llm, costs):
        for streams in (1, STREAMS):
            cuts = await _cuts(llm, costs, [f"user-{streams}-{each}" for each in range(streams)])
            assert cuts == [_expected(pieces, vendor.received[-streams:])] * streams


async def _cuts(llm: Any, costs: Any, users: Sequence[str]) -> Sequence[Cut]:
    """Ask for as many answers at once, each by a user with a budget of its own."""
    for user in users:
        await _limit(costs, user)
    answers = await asyncio.gather(*(_answer(llm, user) for user in users))
    rows = await _rows(costs, users)
    return [_cut(answer, rows[user]) for user, answer in zip(users, answers, strict=True)]


def _expected(pieces: Sequence[str], received: Sequence[Received]) -> Cut:
    """Where each answer ends by what the vendor was told that the budget pays."""
    [paid] = {_paid(each.body) for each in received}
    last = _last_piece(pieces, paid)
    assert 0 < last < len(pieces) - 1, "it ends amid the answer"
    shown = pieces[: last + 1]
    tokens = sum(map(estimate_tokens, shown))
    return Cut(pieces=shown, reason="budget_exceeded", row_tokens=tokens, row_outcome="budget_exceeded")


def _last_piece(pieces: Sequence[str], paid: int) -> int:
    """The first piece with which an answer is longer than what is paid."""
    return next(at for at, made in enumerate(accumulate(map(estimate_tokens, pieces))) if made > paid)


def _paid(body: dict[str, Any]) -> int:
    """The longest answer that the vendor was told to make."""
    return body["max_tokens" if "max_tokens" in body else "max_completion_tokens"]


def _cut(events: Sequence[llm_pb2.CompletionEvent], row: cost_pb2.LedgerEntry) -> Cut:
    assert [event.WhichOneof("event") for event in (events[0], events[-1])] == ["started", "finished"]
    assert {event.WhichOneof("event") for event in events[1:-1]} == {"text"}
    return Cut(
        pieces=[event.text.text for event in events[1:-1]],
        reason=events[-1].finished.finish_reason,
        row_tokens=row.usage.output_tokens,
        row_outcome=row.outcome,
    )


async def _answer(llm: Any, user: str) -> list[llm_pb2.CompletionEvent]:
    message = llm_pb2.Message(role=llm_pb2.ROLE_USER, parts=[llm_pb2.Part(text="ping")])
    asked = llm_pb2.CompletionRequest(messages=[message], model="openai/m1")
    with use_context(CallContext(request_id="req_test", caller=Caller(user_id=user))):
        call = llm.StreamComplete(llm_pb2.StreamCompleteRequest(completion=asked))
        async with asyncio.timeout(HANG_SECONDS):
            return [event async for response in call for event in response.events]


async def _limit(costs: Any, user: str) -> None:
    amount = common_pb2.Money(amount=LIMIT)
    budget = cost_pb2.Budget(scope="user", subject=user, period="total", limit=amount)
    with use_context(CallContext(request_id="req_test", caller=ADMIN)):
        await costs.PutBudget(cost_pb2.PutBudgetRequest(budget=budget))


async def _rows(costs: Any, users: Sequence[str]) -> dict[str, cost_pb2.LedgerEntry]:
    """The newest rows of the ledger by their users, once each of `users` has one."""
    rows: dict[str, cost_pb2.LedgerEntry] = {}
    with use_context(CallContext(request_id="req_test", caller=ADMIN)):
        async with asyncio.timeout(HANG_SECONDS):
            while not rows.keys() >= set(users):
                entries = (await costs.ListLedger(cost_pb2.ListLedgerRequest(page_size=len(users)))).entries
                rows = {entry.user_id: entry for entry in entries}
    return rows


@asynccontextmanager
async def _service(vendor: OpenAiServer, gathering: float) -> AsyncGenerator[tuple[Any, Any]]:
    """Stubs of a running service, whose calls share one stream as they do in an installation."""
    with tempfile.TemporaryDirectory() as folder:
        config, port, stop = Path(folder) / "llm.yaml", free_port(), asyncio.Event()
        config.write_text(CONFIG)
        given: Any = {
            "PENSTOCK_HOME": folder,
            "PENSTOCK_GATHER_SECONDS": gathering,
            "PENSTOCK_GRACE_SECONDS": 1,
            "LLM_SERVICE_PORT": port,
            "LLM_SERVICE_METRICS_PORT": 0,
            "LLM_CONFIG_FILE": str(config),
            "OPENAI_BASE_URL": vendor.base_url,
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_MODELS": "m1",
        }
        task = asyncio.create_task(serve(LlmSettings(_env_file=None, **given), stop))
        shared = ("penstock.llm.v1.LlmService/StreamComplete",)
        try:
            async with open_channel(f"127.0.0.1:{port}", service="llm-service", multiplexed=shared) as channel:
                await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
                yield llm_pb2_grpc.LlmServiceStub(channel), cost_pb2_grpc.CostServiceStub(channel)
        finally:
            stop.set()
            await asyncio.wait_for(task, HANG_SECONDS)
