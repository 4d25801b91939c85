"""Pictures that models make, as each dialect's unmodified SDK reads them."""

import base64
from typing import Any

import anthropic
import openai
import pytest
from penstock.llm.v1 import llm_pb2 as pb

from penstock_testkit.services.llm import FINISHED, STARTED

pytestmark = pytest.mark.asyncio(loop_scope="session")

PNG = b"\x89PNG\r\n\x1a\nrest"
ENCODED = base64.b64encode(PNG).decode()
URL = f"data:image/png;base64,{ENCODED}"
QUESTION: list[Any] = [{"role": "user", "content": "Draw."}]
MADE = pb.Picture(data=PNG, media_type="image/png")
LINKED = pb.Picture(url="https://pictures.example/1.png")
MODES = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def script(picture: pb.Picture) -> list[list[pb.CompletionEvent]]:
    said = [pb.CompletionEvent(text=pb.TextDelta(text="Here: ")), pb.CompletionEvent(picture=picture)]
    return [[pb.CompletionEvent(started=STARTED)], said, [pb.CompletionEvent(finished=FINISHED)]]


def chat(gateway: Any) -> Any:
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0)


@MODES
async def test_openais_chats_have_pictures_beside_the_text(gateway: Any, streamed: bool) -> None:
    gateway.fakes.llm.script = script(MADE)
    async with chat(gateway) as client:
        answer = await client.chat.completions.create(model="m", messages=QUESTION, stream=streamed)
        if streamed:
            deltas = [chunk.choices[0].delta async for chunk in answer]
            text = "".join(delta.content or "" for delta in deltas)
            images = [image for delta in deltas for image in getattr(delta, "images", [])]
        else:
            text, images = answer.choices[0].message.content, answer.choices[0].message.images
    assert (text, images) == ("Here: ", [{"type": "image_url", "image_url": {"url": URL}}])


async def test_a_picture_of_an_answer_of_openais_chats_is_handed_back(gateway: Any) -> None:
    made = {"role": "assistant", "content": "Here: ", "images": [{"type": "image_url", "image_url": {"url": URL}}]}
    async with chat(gateway) as client:
        await client.chat.completions.create(model="m", messages=[*QUESTION, made, *QUESTION])
    parts = gateway.fakes.llm.completions[-1].messages[1].parts
    assert sorted(part.image.url or part.text for part in parts) == ["Here: ", URL]


@MODES
async def test_a_response_has_a_picture_as_an_item_of_its_own(gateway: Any, streamed: bool) -> None:
    gateway.fakes.llm.script = script(MADE)
    async with chat(gateway) as client:
        response = await client.responses.create(model="m", input="Draw.", stream=streamed)
        if streamed:
            events = [event async for event in response]
            ended = [event.item for event in events if event.type == "response.output_item.done"]
            response = events[-1].response
            assert ended == response.output
        text, picture = response.output
        assert (text.content[0].text, picture.type, picture.status) == ("Here: ", "image_generation_call", "completed")
        assert (picture.result, picture.output_format) == (ENCODED, "png")
        told = [item.model_dump(exclude_none=True) for item in response.output]
        await client.responses.create(model="m", input=[*QUESTION, *told, *QUESTION])
    back = gateway.fakes.llm.completions[-1].messages[1]
    assert back.role == pb.ROLE_ASSISTANT
    assert back.parts[1].image == pb.ImagePart(data=PNG, media_type="image/png")


async def test_a_picture_under_way_that_is_handed_back_says_nothing(gateway: Any) -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "in_progress", "result": None}
    async with chat(gateway) as client:
        answer = await client.responses.with_raw_response.create(model="m", input=[*QUESTION, item])
        assert "input.image_generation_call" in answer.headers["x-dropped-params"]
        with pytest.raises(openai.BadRequestError, match="must be base64"):
            await client.responses.create(model="m", input=[{**item, "result": "no base64!"}])


@MODES
@pytest.mark.parametrize(
    ("picture", "said"),
    [(MADE, "[image/png of 12 bytes left out: answers of this API are text alone]"), (LINKED, f"({LINKED.url})")],
    ids=["made", "linked"],
)
async def test_anthropics_messages_say_that_there_is_a_picture(
    gateway: Any, picture: pb.Picture, said: str, streamed: bool
) -> None:
    gateway.fakes.llm.script = script(picture)
    sdk: Any = anthropic.AsyncAnthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0)
    asked: dict[str, Any] = {"model": "m", "max_tokens": 10, "messages": QUESTION}
    async with sdk as client:
        if streamed:
            async with client.messages.stream(**asked) as stream:
                message = await stream.get_final_message()
        else:
            message = await client.messages.create(**asked)
    text = "".join(block.text for block in message.content)
    assert text.startswith("Here: ")
    assert said in text


@MODES
async def test_a_picture_that_lies_elsewhere_is_a_link(gateway: Any, streamed: bool) -> None:
    gateway.fakes.llm.script = script(LINKED)
    async with chat(gateway) as client:
        answer = await client.chat.completions.create(model="m", messages=QUESTION)
        assert answer.choices[0].message.images[0]["image_url"] == {"url": LINKED.url}
        gateway.fakes.llm.script = script(LINKED)
        response = await client.responses.create(model="m", input="Draw.", stream=streamed)
        if streamed:
            response = [event async for event in response][-1].response
    assert f"![picture]({LINKED.url})" in response.output_text
