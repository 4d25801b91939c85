"""A picture of a question, through all services, in the form that each vendor wants."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from penstock_client import Penstock
from penstock_testkit.pictures import gif, jpeg, png
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Place:
    """A system before fake vendors."""

    system: RunningSystem
    openai: OpenAiServer
    anthropic: AnthropicServer
    gemini: GeminiServer
    deepseek: OpenAiServer
    http: httpx.AsyncClient

    async def conversation(self) -> str:
        return (await self.http.post("/api/v1/conversations", json={})).json()["id"]

    async def ask(self, conversation: str, model: str, content: str, *files: bytes, **more: Any) -> list[Any]:
        body = {"content": content, "model": model, "pictures": [{"data": encoded(file)} for file in files], **more}
        answer = await self.http.post(f"/api/v1/conversations/{conversation}/stream", json=body)
        assert answer.status_code == 200, answer.text
        return [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: ")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        openai = await stack.enter_async_context(OpenAiServer())
        claude = await stack.enter_async_context(AnthropicServer())
        gemini = await stack.enter_async_context(GeminiServer())
        deepseek = await stack.enter_async_context(OpenAiServer())
        environment = {
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": openai.base_url,
            "ANTHROPIC_API_KEY": "sk-ant-test-0002",
            "ANTHROPIC_BASE_URL": claude.base_url,
            "GEMINI_API_KEY": "AIza-test-0003",
            "GEMINI_BASE_URL": gemini.base_url,
            "DEEPSEEK_API_KEY": "sk-test-0004-abcd",
            "DEEPSEEK_BASE_URL": deepseek.base_url,
        }
        folder = tmp_path_factory.mktemp("pictures")
        system = await asyncio.to_thread(start_system, folder / "home", extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        headers = {"Authorization": f"Bearer {system.key}"}
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS)
        )
        yield Place(system=system, openai=openai, anthropic=claude, gemini=gemini, deepseek=deepseek, http=http)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_openai_gets_a_data_url_beside_the_words(place: Place) -> None:
    events = await place.ask(await place.conversation(), "openai/gpt-5", "What is it?", png(), gif())
    assert events[-1]["status"] == "completed"
    assert "notices" not in events[-1]
    assert place.openai.received[-1].body["messages"][-1]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded(png())}"}},
        {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{encoded(gif())}"}},
        {"type": "text", "text": "What is it?"},
    ]


async def test_anthropic_gets_a_base64_source_and_again_with_the_history(place: Place) -> None:
    conversation = await place.conversation()
    await place.ask(conversation, "anthropic/m", "", jpeg())
    await place.ask(conversation, "anthropic/m", "And?")
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": encoded(jpeg())}}
    first, _, last = place.anthropic.received[-1].body["messages"]
    assert [{name: block[name] for name in ("type", "source")} for block in first["content"]] == [image]
    assert "And?" in json.dumps(last["content"])


async def test_gemini_gets_inline_data(place: Place) -> None:
    await place.ask(await place.conversation(), "gemini/gemini-2.5-flash", "What is it?", jpeg())
    (body,) = [each.body for each in place.gemini.received if "contents" in each.body]
    parts = body["contents"][-1]["parts"]
    assert parts == [{"inlineData": {"mimeType": "image/jpeg", "data": encoded(jpeg())}}, {"text": "What is it?"}]


@pytest.mark.parametrize("model", ["deepseek/deepseek-chat", "fallback/rules"])
async def test_an_answer_without_a_look_says_so(place: Place, model: str) -> None:
    conversation = await place.conversation()
    for words in ("What is it?", ""):
        events = await place.ask(conversation, model, words, png())
        assert events[-1]["status"] == "completed"
        (notice,) = events[-1]["notices"]
        assert notice.startswith(f"The pictures were not looked at: {model}")
    if model.startswith("deepseek"):
        assert encoded(png()) not in json.dumps(place.deepseek.received[-1].body)


async def test_the_response_caches_tell_pictures_apart(place: Place) -> None:
    cache = {"cache": {"exact": True, "semantic": True}, "use_tools": False}

    async def answer(text: str, *files: bytes) -> str:
        place.openai.default = Reply(chunks=(text,))
        # Without words to look up, the prompt holds nothing of what was said before.
        events = await place.ask(await place.conversation(), "openai/gpt-5", "How are you?", *files, **cache)
        return events[-1]["content"]

    assert await answer("a png", png()) == "a png"
    assert await answer("a gif", gif()) == "a gif"
    assert await answer("words") == "words"
    assert await answer("another answer", png()) == "a png", "the same picture is the same question"
    assert await answer("another answer", png(width=9)) == "another answer"


async def test_the_client_library_sends_pictures_and_reads_them_back(place: Place) -> None:
    def talk() -> tuple[bytes, str]:
        with Penstock(place.system.url, api_key=place.system.key) as penstock:
            conversation = str(penstock.conversations.create()["id"])
            penstock.conversations.ask(conversation, "Look", pictures=[png()], model="openai/gpt-5").result()
            (picture,) = penstock.conversations.list_messages(conversation)["messages"][0]["pictures"]
            return penstock.conversations.picture(conversation, picture["id"]), picture["media_type"]

    assert await asyncio.to_thread(talk) == (png(), "image/png")


async def test_a_question_takes_four_pictures_of_three_mebibytes(place: Place) -> None:
    conversation = await place.conversation()
    files = [png(width=number, size=3 * 2**20) for number in (1, 2, 3, 4)]
    events = await place.ask(conversation, "openai/gpt-5", "Compare", *files)
    assert events[-1]["status"] == "completed"
    sent = place.openai.received[-1].body["messages"][-1]["content"]
    assert [part["type"] for part in sent] == ["image_url"] * 4 + ["text"]
    listed = (await place.http.get(f"/api/v1/conversations/{conversation}/messages")).json()["messages"][0]
    assert (await place.http.get(listed["pictures"][3]["url"])).content == files[3]
    await place.ask(conversation, "openai/gpt-5", "Again", *files[:1])
    again = [len(each["content"]) for each in place.openai.received[-1].body["messages"] if each["role"] == "user"]
    assert again == [5, 2], "the newest pictures of at most 16 MiB, the question's own first"
