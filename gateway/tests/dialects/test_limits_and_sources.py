"""What clients look for in errors and answers: prompts that are too long, sources, what is not offered."""

from typing import Any

import anthropic
import openai
import pytest
from penstock.llm.v1 import llm_pb2 as pb

from penstock_kit.errors import InvalidArgument
from penstock_testkit.services import Fail
from penstock_testkit.services.llm import FINISHED, STARTED

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION: list[Any] = [{"role": "user", "content": "hi"}]
ASKED: dict[str, Any] = {"model": "m", "max_tokens": 10, "messages": QUESTION}


def chat(gateway: Any) -> Any:
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0)


def claude(gateway: Any) -> Any:
    return anthropic.AsyncAnthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0)


def too_long(message: str) -> Fail:
    metadata = {"vendor_code": "400"}
    return Fail(InvalidArgument(message, reason="CONTEXT_LIMIT_EXCEEDED", metadata=metadata))


async def test_openais_clients_know_a_prompt_that_is_too_long_by_its_code(gateway: Any) -> None:
    gateway.fakes.llm.script = [too_long("local answered HTTP 400: maximum context length is 8")]
    async with chat(gateway) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="m", messages=QUESTION)
    assert caught.value.code == "context_length_exceeded"


async def test_a_response_that_breaks_off_over_its_length_says_so(gateway: Any) -> None:
    started = [pb.CompletionEvent(started=STARTED), pb.CompletionEvent(text=pb.TextDelta(text="a"))]
    gateway.fakes.llm.script = [started, too_long("it is too long")]
    async with chat(gateway) as client:
        stream = await client.responses.create(model="m", input="hi", stream=True)
        codes: list[str] = []
        with pytest.raises(openai.APIError):
            async for event in stream:
                codes += [event.response.error.code] if event.type == "response.failed" else []
    assert codes == ["context_length_exceeded"]


@pytest.mark.parametrize(
    "said", ["local answered: maximum context length is 8", "anthropic: prompt is too long: 9 > 8"]
)
async def test_anthropics_clients_know_a_prompt_that_is_too_long_by_its_words(gateway: Any, said: str) -> None:
    gateway.fakes.llm.script = [too_long(said)]
    async with claude(gateway) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(**ASKED)
    body: Any = caught.value.body
    message: str = body["error"]["message"]
    assert message.count("prompt is too long") == 1
    assert said in message


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_anthropics_clients_see_the_sources_of_an_answer(gateway: Any, streamed: bool) -> None:
    cited = pb.CompletionEvent(annotation=pb.Annotation(url="https://a.example", title="A"))
    said = pb.CompletionEvent(text=pb.TextDelta(text="So it is."))
    gateway.fakes.llm.script = [
        [pb.CompletionEvent(started=STARTED)], [said, cited], [pb.CompletionEvent(finished=FINISHED)],
    ]  # fmt: skip
    async with claude(gateway) as client:
        if streamed:
            async with client.messages.stream(**ASKED) as stream:
                message = await stream.get_final_message()
        else:
            message = await client.messages.create(**ASKED)
        [block] = message.content
        assert (block.text, [each.url for each in block.citations]) == ("So it is.", ["https://a.example"])
        told = {"role": "assistant", "content": [block.model_dump()]}
        await client.messages.create(**ASKED | {"messages": [*QUESTION, told, *QUESTION]})
    assert gateway.fakes.llm.completions[-1].messages[1].parts[0].text == "So it is."


async def test_what_is_not_offered_is_said_in_the_dialect_of_who_asks(gateway: Any) -> None:
    async with chat(gateway) as client, claude(gateway) as other:
        with pytest.raises(openai.NotFoundError, match="chat/completions, responses, embeddings and models"):
            await client.batches.list()
        with pytest.raises(anthropic.NotFoundError, match="messages/count_tokens") as caught:
            await other.beta.files.list()
    body: Any = caught.value.body
    assert body["error"]["type"] == "not_found_error"


async def test_what_openai_encrypted_before_is_handed_to_no_other_vendor(gateway: Any) -> None:
    told = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": proof} for proof in ("gAAAAAB", "EqQB")
    ]
    async with chat(gateway) as client:
        await client.responses.create(model="m", input=[*QUESTION, *told, *QUESTION])
    parts = gateway.fakes.llm.completions[-1].messages[1].parts
    assert [part.thinking.signature for part in parts] == ["", "EqQB"]
