"""How an answer of Claude ended, in its own words, by the unmodified anthropic SDK."""

from typing import Any

import anthropic
import pytest
from anthropic.types import Message
from penstock.llm.v1 import llm_pb2 as pb

from penstock_testkit.services.llm import FINISHED, STARTED

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASK: dict[str, Any] = {"model": "anthropic/claude", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


def script(event: pb.CompletionEvent, *, reason: str, **finished: Any) -> list[list[pb.CompletionEvent]]:
    end = pb.Finished(finish_reason=reason, usage=FINISHED.usage, **finished)
    return [[pb.CompletionEvent(started=STARTED)], [event], [pb.CompletionEvent(finished=end)]]


def text(value: str) -> pb.CompletionEvent:
    return pb.CompletionEvent(text=pb.TextDelta(text=value))


async def ask(gateway: Any, *, streamed: bool) -> Message:
    sdk: Any = anthropic.AsyncAnthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0)
    async with sdk as client:
        if not streamed:
            return await client.messages.create(**ASK)
        async with client.messages.stream(**ASK) as stream:
            return await stream.get_final_message()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("reason", "said"),
    [("stop", "pause_turn"), ("stop", "compaction"), ("length", "model_context_window_exceeded")],
)
async def test_anthropics_finer_words_for_an_end_are_kept(gateway: Any, reason: str, said: str, streamed: bool) -> None:
    gateway.fakes.llm.script = script(text("a"), reason=reason, vendor_finish_reason=said)
    message = await ask(gateway, streamed=streamed)
    assert message.stop_reason == said


async def test_another_vendors_word_is_not_passed_off_as_anthropics(gateway: Any) -> None:
    gateway.fakes.llm.script = script(text("a"), reason="length", vendor_finish_reason="MAX_TOKENS")
    message = await ask(gateway, streamed=True)
    assert (message.stop_reason, message.stop_details) == ("max_tokens", None)
    gateway.fakes.llm.script = script(text("a"), reason="budget_exceeded", vendor_finish_reason="pause_turn")
    assert (await ask(gateway, streamed=True)).stop_reason == "max_tokens"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_why_claude_refused_is_told_in_full(gateway: Any, streamed: bool) -> None:
    details = '{"type":"refusal","category":"cyber","explanation":"No."}'
    refusal = pb.CompletionEvent(refusal=pb.TextDelta(text="No."))
    gateway.fakes.llm.script = script(refusal, reason="content_filter", stop_details_json=details)
    message = await ask(gateway, streamed=streamed)
    assert message.stop_reason == "refusal"
    assert message.stop_details
    assert message.stop_details.category == "cyber"
