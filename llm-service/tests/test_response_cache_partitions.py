"""What tells cached answers apart, and which are not worth keeping."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from llm_service.domain.model.event import Event, Started
from llm_service.domain.model.message import FilePart, ImagePart, Message, Role, TextPart, text_message
from llm_service.domain.model.provider import EventBatch, EventStream
from llm_service.domain.model.request import CachePolicy, CompletionRequest
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.reuse.response_cache import ResponseCaching, SimilarCompletion
from llm_service.testing import ScriptedProvider, collected, question
from penstock_kit.context import CallContext, Caller, use_context

EXACT, SEMANTIC = CachePolicy(exact=True), CachePolicy(semantic=True)


class Kept:
    """A cache that keeps everything under its key or partition."""

    def __init__(self) -> None:
        self.answers: dict[str, Sequence[Event]] = {}

    async def get(self, key: str) -> Sequence[Event] | None:
        return self.answers.get(key)

    async def put(self, key: str, events: Sequence[Event]) -> None:
        self.answers[key] = events

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        found = self.answers.get(partition)
        return None if found is None else SimilarCompletion(events=found, similarity=1.0)

    async def put_near(
        self, partition: str, text: str, events: Sequence[Event], *, temperature: float | None = None
    ) -> None:
        self.answers[partition] = events


class Degraded:
    """A provider that answers in another's stead."""

    def __init__(self, inner: ScriptedProvider) -> None:
        self._inner = inner

    def stream(self, request: CompletionRequest) -> EventStream:
        return self._marked(request)

    async def _marked(self, request: CompletionRequest):  # type: ignore[no-untyped-def]
        async for batch in self._inner.stream(request):
            yield _degraded(batch)


def _degraded(batch: EventBatch) -> EventBatch:
    return [replace(event, degraded=True) if isinstance(event, Started) else event for event in batch]


class Answers:
    """Cached answers of one provider, by a route that the test changes."""

    def __init__(self, *, degraded: bool = False) -> None:
        self.provider = ScriptedProvider()
        self.asked = question()
        self.places: tuple[str, ...] = ("a/m",)
        inner = Degraded(self.provider) if degraded else self.provider
        self._answers = ResponseCaching(
            inner, cache=Kept(), route=self._route, allows_semantic=lambda: True, exact_for_all=False
        )

    def _route(self, _: CompletionRequest) -> Route:
        named = (place.split("/") for place in self.places)
        return Route(policy="order", candidates=tuple(Candidate(provider=p, model=m, why="") for p, m in named))

    async def verdict(self, policy: CachePolicy) -> str:
        events = await collected(self._answers.stream(replace(self.asked, cache=policy)))
        return next(event.cache for event in events if isinstance(event, Started))


@pytest.mark.parametrize(("policy", "hit"), [(EXACT, "hit"), (SEMANTIC, "semantic_hit")])
async def test_another_route_is_another_cache_key(policy: CachePolicy, hit: str) -> None:
    answers = Answers()
    assert await answers.verdict(policy) == "miss"
    assert await answers.verdict(policy) == hit
    for places in (("b/m",), ("a/other",), ("a/m", "b/m")):
        answers.places = places
        assert await answers.verdict(policy) == "miss", places
    answers.places = ("a/m",)
    assert await answers.verdict(policy) == hit


async def test_what_is_cached_unasked_is_the_users_own_and_what_is_asked_for_is_the_tenants() -> None:
    answers = Answers()

    async def verdict(user: str, policy: CachePolicy) -> str:
        with use_context(CallContext(request_id="r", caller=Caller(user_id=user))):
            return await answers.verdict(policy)

    own = CachePolicy(exact=True, own=True)
    assert [await verdict(user, own) for user in ("ann", "bob", "ann", "bob")] == ["miss", "miss", "hit", "hit"]
    assert [await verdict(user, EXACT) for user in ("ann", "bob")] == ["miss", "hit"]


@pytest.mark.parametrize(("policy", "hit"), [(EXACT, "hit"), (SEMANTIC, "semantic_hit")])
async def test_another_system_prompt_is_another_cache_key(policy: CachePolicy, hit: str) -> None:
    answers = Answers()

    async def verdict(*prompts: str) -> str:
        system = tuple(text_message(Role.SYSTEM, prompt) for prompt in prompts)
        answers.asked = replace(question(), messages=(*system, *question().messages))
        return await answers.verdict(policy)

    prompts = [(), ("Answer Ann.",), ("Answer Bob.",), ("Answer Ann.", "Be short.")]
    assert [await verdict(*each) for each in prompts] == ["miss"] * 4
    assert [await verdict(*each) for each in prompts] == [hit] * 4


@pytest.mark.parametrize("policy", [EXACT, SEMANTIC])
async def test_an_answer_in_anothers_stead_is_not_cached(policy: CachePolicy) -> None:
    answers = Answers(degraded=True)
    assert [await answers.verdict(policy) for _ in range(3)] == ["miss"] * 3
    assert len(answers.provider.asked) == 3


async def test_pictures_tell_cached_answers_apart_and_words_alone_do_not_find_them() -> None:
    answers = Answers()

    async def verdict(policy: CachePolicy, *pictures: bytes) -> str:
        parts = (*(ImagePart(data=data, media_type="image/png") for data in pictures), TextPart(text="What is it?"))
        answers.asked = replace(question(), messages=(Message(role=Role.USER, parts=parts),))
        return await answers.verdict(policy)

    assert await verdict(EXACT, b"one") == "miss"
    assert await verdict(EXACT, b"two") == "miss"
    assert await verdict(EXACT) == "miss"
    assert await verdict(EXACT, b"one") == "hit"
    assert await verdict(SEMANTIC) == "miss"
    assert await verdict(SEMANTIC) == "semantic_hit"
    assert await verdict(SEMANTIC, b"one") == "", "a question with pictures is not looked up by its words"
    assert await verdict(SEMANTIC) == "semantic_hit"


def test_the_text_of_a_part_tells_its_bytes_apart_without_holding_them() -> None:
    first, second = (ImagePart(data=bytes([number]) * 1_000_000, media_type="image/png") for number in (1, 2))
    assert repr(first) == repr(replace(first))
    assert len({repr(part) for part in (first, second, replace(first, detail="low"), ImagePart())}) == 4
    assert len(repr(first)) < 300
    one, other = (ImagePart(url=f"data:image/png;base64,{letter * 1_000_000}") for letter in "ab")
    assert repr(one) == repr(replace(one)) != repr(other)
    assert len(repr(one)) < 300
    files = [FilePart(filename="a", data=data, media_type="application/pdf") for data in (b"1", b"2")]
    assert repr(files[0]) != repr(files[1])
