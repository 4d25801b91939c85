"""Pictures that models make: whole and streamed, of every dialect that has them, and handed back."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import Picture
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.message import ImagePart, Message, Role, TextPart
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.request import CompletionRequest
from llm_service.edge.completion import completion_to_proto
from llm_service.providers.anthropic_request import request_of as anthropic_request
from llm_service.providers.gemini import GeminiProvider
from llm_service.providers.gemini_request import request_of as gemini_request
from llm_service.providers.openai import OpenAiProvider
from llm_service.providers.openai_request import request_of as openai_request
from llm_service.testing import collected, question
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as server:
        yield server


@pytest.fixture
async def google(
    gemini: GeminiServer, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[GeminiProvider]:
    row = ProviderProfile(name="gemini", dialect="gemini", models=("m",), base_url=gemini.base_url)
    made = GeminiProvider(row, clock=clock, new_id=new_id, connect_timeout=60)
    yield made
    await made.close()


@pytest.fixture
async def provider(
    profile: ProviderProfile, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[OpenAiProvider]:
    made = OpenAiProvider(profile, clock=clock, new_id=new_id, connect_timeout=60)
    yield made
    await made.close()


def shown(data: str = PNG, media_type: str = "image/png", **more: Any) -> dict[str, Any]:
    """An answer of Gemini with a text and a picture."""
    parts = [{"text": "Here: "}, {"inlineData": {"mimeType": media_type, "data": data}, **more}]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}


def reply(body: dict[str, Any], *, streaming: bool) -> Reply:
    encoded = json.dumps(body).encode()
    if streaming:
        return Reply(raw=b"data: " + encoded + b"\n\n", content_type="text/event-stream")
    return Reply(raw=encoded)


@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
async def test_a_picture_of_gemini_is_part_of_the_answer(
    google: GeminiProvider, gemini: GeminiServer, streaming: bool
) -> None:
    gemini.script(reply(shown(), streaming=streaming))
    answer = await fold(google.stream(question(model="m", streaming=streaming)))
    assert (answer.first.text, answer.pictures) == ("Here: ", (Picture(base64=PNG, media_type="image/png"),))
    [sent] = completion_to_proto(answer).pictures
    assert (sent.data, sent.media_type) == (base64.b64decode(PNG), "image/png")


async def test_a_streamed_picture_may_be_larger_than_other_events(google: GeminiProvider, gemini: GeminiServer) -> None:
    large = base64.b64encode(bytes(3 * 1024 * 1024)).decode()
    gemini.script(reply(shown(large), streaming=True))
    answer = await fold(google.stream(question(model="m")))
    assert answer.pictures[0].base64 == large


async def test_sketches_of_the_reasoning_and_sounds_are_no_pictures(
    google: GeminiProvider, gemini: GeminiServer
) -> None:
    gemini.script(reply(shown(thought=True), streaming=False), reply(shown(media_type="audio/wav"), streaming=False))
    for _ in range(2):
        assert (await fold(google.stream(question(model="m", streaming=False)))).pictures == ()


async def test_a_picture_that_is_no_base64_is_the_vendors_error(google: GeminiProvider, gemini: GeminiServer) -> None:
    gemini.script(reply(shown("no base64!"), streaming=True))
    with pytest.raises(ProviderError) as caught:
        await collected(google.stream(question(model="m")))
    assert caught.value.failure is FailureKind.PROTOCOL


@pytest.mark.parametrize(
    "piece",
    [{"content": "Here: ", "images": [IMAGE]}, {"content": [{"type": "text", "text": "Here: "}, IMAGE]}],
    ids=["images", "content"],
)
@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
async def test_a_picture_of_a_server_of_openais_kind_is_part_of_the_answer(
    provider: OpenAiProvider, vendor: OpenAiServer, piece: dict[str, Any], streaming: bool
) -> None:
    body: dict[str, Any] = {
        "choices": [{"index": 0, "delta" if streaming else "message": piece, "finish_reason": "stop"}]
    }
    vendor.script(reply(body, streaming=streaming))
    answer = await fold(provider.stream(question(model="m", streaming=streaming)))
    assert (answer.first.text, answer.pictures) == ("Here: ", (Picture(base64=PNG, media_type="image/png"),))


async def test_a_picture_that_lies_elsewhere_keeps_its_address(provider: OpenAiProvider, vendor: OpenAiServer) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
    body: dict[str, Any] = {"choices": [{"index": 0, "message": {"images": [image]}, "finish_reason": "stop"}]}
    vendor.script(reply(body, streaming=False))
    answer = await fold(provider.stream(question(model="m", streaming=False)))
    assert answer.pictures == (Picture(url="https://pictures.example/1.png"),)


def asked(**extra: object) -> CompletionRequest:
    """A question after an answer that showed a picture."""
    made = Message(role=Role.ASSISTANT, parts=(TextPart(text="Here: "), ImagePart(data=b"x", media_type="image/png")))
    user = Message(role=Role.USER, parts=(TextPart(text="Bluer."),))
    return replace(question(model="m"), messages=(user, made, user), extra=extra)


def test_gemini_is_asked_for_pictures_and_their_form() -> None:
    wanted = {"modalities": ["image", "text"], "image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}
    made = gemini_request(asked(**wanted))
    assert made.dropped == ()
    config = made.body["generationConfig"]
    assert config["responseModalities"] == ["IMAGE", "TEXT"]
    assert config["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "2K"}


def test_spoken_answers_are_not_asked_for_and_named() -> None:
    wanted: dict[str, object] = {"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "mp3"}}
    row = ProviderProfile(name="p", dialect="openai", models=("m",))
    made = openai_request(asked(**wanted), row.quirks)
    assert (made.body["modalities"], "audio" in made.body) == (["text"], False)
    assert {"modalities", "audio"} <= set(made.dropped)
    assert {"modalities", "audio"} <= set(gemini_request(asked(**wanted)).dropped)


def test_a_picture_of_an_answer_goes_back_to_gemini_and_is_named_elsewhere() -> None:
    told = gemini_request(asked()).body["contents"][1]
    assert told["role"] == "model"
    assert told["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": "eA=="}}
    row = ProviderProfile(name="p", dialect="openai", models=("m",))
    claude = anthropic_request(asked(), lambda schema: schema)
    for dropped in (openai_request(asked(), row.quirks).dropped, claude.dropped):
        assert list(dropped) == ["messages.image"]
    assert [block["type"] for block in claude.body["messages"][1]["content"]] == ["text", "text"]


def test_pictures_are_kept_for_answers_that_are_told_again() -> None:
    pictures = [Picture(base64=PNG, media_type="image/png", index=1), Picture(url="https://pictures.example/1.png")]
    assert events_from_json(json_from_events(pictures)) == pictures
