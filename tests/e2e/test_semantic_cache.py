"""The semantic cache in a running system: a question in other words, on every route, and what it must tell apart."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.waiting import HANG_SECONDS, until_true

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEMANTIC = {"x-penstock-cache": "semantic"}


@dataclass
class Place:
    """A system with a vendor of its own, and a client of the gateway."""

    system: RunningSystem
    openai: OpenAiServer
    http: httpx.AsyncClient

    async def chat(self, text: str, **options: Any) -> httpx.Response:
        """Ask over OpenAI's chat completions."""
        headers = options.pop("headers", SEMANTIC)
        body = {"model": "openai/m", "messages": [{"role": "user", "content": text}], **options}
        answer = await self.http.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def answered_before(self, text: str, **options: Any) -> None:
        """Have `text` answered by the vendor and stored: what comes first also loads what searches vectors."""

        async def is_hit() -> bool:
            return (await self.chat(text, **options)).headers["x-cache"].startswith("hit")

        await until_true(is_hit)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        openai = await stack.enter_async_context(OpenAiServer())
        environment = {
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": openai.base_url,
            "LLM_FALLBACK": "false",
            "LLM_SEMANTIC_LOOKUP_TIMEOUT": "5",  # a busy machine is no part of what is tested
        }
        home = tmp_path_factory.mktemp("semantic") / "home"
        system = await asyncio.to_thread(start_system, home, extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        headers = {"Authorization": f"Bearer {system.key}"}
        http = httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS)
        yield Place(system=system, openai=openai, http=await stack.enter_async_context(http))


async def test_a_question_in_other_words_is_answered_from_the_cache_and_a_near_miss_is_not(place: Place) -> None:
    await place.answered_before("How do I reset the pressure sensor?")
    asked = len(place.openai.received)
    hit = await place.chat("What is the procedure for resetting the pressure sensor?")
    assert hit.headers["x-cache"].startswith("hit; sim=")
    assert len(place.openai.received) == asked
    for near_miss in (
        "How do I reset the temperature sensor?",
        "Why do I reset the pressure sensor?",
        "How do I reset pressure sensor 2?",
    ):
        assert (await place.chat(near_miss)).headers["x-cache"] == "miss", near_miss
    assert len(place.openai.received) == asked + 3


async def test_a_streamed_question_gets_the_stored_answer_as_a_stream_with_its_usage(place: Place) -> None:
    text = "How do I drain the boiler?"
    await place.answered_before(text)
    whole = (await place.chat(text)).json()
    streamed = await place.chat("How can I drain the boiler?", stream=True, stream_options={"include_usage": True})
    assert streamed.headers["x-cache"].startswith("hit; sim=")
    frames = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    chunks = [json.loads(frame) for frame in frames[:-1]]
    said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert said == whole["choices"][0]["message"]["content"]
    usage = next(chunk["usage"] for chunk in chunks if chunk.get("usage"))
    assert usage["total_tokens"] == whole["usage"]["total_tokens"] > 0


async def test_a_hit_is_a_ledger_row_that_is_marked_and_costs_nothing(place: Place) -> None:
    await place.answered_before("How do I oil the hinge?")
    hit = (await place.chat("How can I oil the hinge?")).json()
    assert hit["x_penstock"]["cache"] == "semantic_hit"
    assert float(hit["x_penstock"]["cost"]["amount"] or 0) == 0


async def test_messages_and_responses_have_the_same_cache(place: Place) -> None:
    for path, first, second in (
        ("/v1/messages", {"max_tokens": 50, "messages": [{"role": "user", "content": "How do I bleed the radiator?"}]},
         {"max_tokens": 50, "messages": [{"role": "user", "content": "How can I bleed the radiator?"}]}),
        ("/v1/responses", {"input": "How do I prime the siphon?"}, {"input": "How can I prime the siphon?"}),
    ):  # fmt: skip

        async def verdict(body: dict[str, Any], path: str = path) -> str:
            answer = await place.http.post(path, json={"model": "openai/m", **body}, headers=SEMANTIC)
            assert answer.status_code == 200, answer.text
            return answer.headers["x-cache"]

        assert await verdict(first) == "miss"
        assert (await verdict(second)).startswith("hit; sim="), path


async def test_nothing_is_cached_by_meaning_unasked_and_a_header_bypasses(place: Place) -> None:
    text = "How do I charge the battery?"
    await place.answered_before(text)
    assert "x-cache" not in (await place.chat(text, headers={})).headers
    assert (await place.chat(text, headers={"x-penstock-cache": "bypass"})).headers["x-cache"] == "bypass"
    answer = await place.http.post(
        "/v1/chat/completions", json={"model": "openai/m"}, headers={"x-penstock-cache": "sometimes"}
    )
    assert answer.status_code == 400


async def test_another_system_prompt_is_another_cache_and_pictures_are_never_looked_up(place: Place) -> None:
    text = "How do I level the table?"
    await place.answered_before(text)
    told = [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": text}]
    assert (await place.chat(text, messages=told)).headers["x-cache"] == "miss"
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    shown = [{"role": "user", "content": [{"type": "text", "text": text}, picture]}]
    assert "x-cache" not in (await place.chat(text, messages=shown)).headers


async def test_an_administrator_looks_hits_over_and_purges_them(place: Place) -> None:
    await place.answered_before("How do I fold the map?")
    await place.chat("How can I fold the map?")
    hits = (await place.http.get("/api/v1/cache/semantic/hits")).json()["hits"]
    assert (hits[0]["asked"], hits[0]["stored"]) == ("How can I fold the map?", "How do I fold the map?")
    purged = await place.http.delete("/api/v1/cache/semantic", params={"id": hits[0]["id"]})
    assert purged.json() == {"deleted": 1}
    assert (await place.chat("How can I fold the map?")).headers["x-cache"] == "miss"
    stats = (await place.http.get("/api/v1/cache/semantic/stats")).json()
    assert stats["hits"] > 0
    assert stats["store"] == "sqlite"
    assert (await place.http.delete("/api/v1/cache/semantic")).status_code == 400


async def test_a_conversation_says_how_the_cache_took_part(place: Place) -> None:
    conversation = (await place.http.post("/api/v1/conversations", json={})).json()["id"]
    path = f"/api/v1/conversations/{conversation}/stream-debug"
    body = {"content": "How do I sharpen the blade?", "model": "openai/m", "cache": {"semantic": True}}
    answer = await place.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert '"cache":"miss"' in answer.text.replace(" ", "")


@pytest.mark.parametrize("wish", ["exact", "semantic"])
async def test_a_caller_of_another_tenant_is_given_no_answer_of_this_one(place: Place, wish: str) -> None:
    text = f"How do I open the {wish} cover of the mill?"
    await place.answered_before(text, headers={"x-penstock-cache": wish})
    for streamed in (False, True):
        user = {"username": wish, "password": "correct horse battery", "tenant_id": f"of-{wish}-{streamed}".lower()}
        assert (await place.http.post("/api/v1/users", json=user)).status_code == 201
        signed_in = (await place.http.post("/api/v2/auth/login", json=user)).json()["data"]
        stranger = {"authorization": f"Bearer {signed_in['access_token']}", "x-penstock-cache": wish}
        asked = len(place.openai.received)
        assert (await place.chat(text, headers=stranger, stream=streamed)).headers["x-cache"] == "miss"
        assert len(place.openai.received) == asked + 1
