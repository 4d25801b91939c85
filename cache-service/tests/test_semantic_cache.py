"""The semantic cache: partitions, thresholds, purging, review, statistics, and a store that is away."""

import asyncio
import itertools
import math
import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from cache_service.adapters.semantic.memory_store import MemorySemanticStore
from cache_service.adapters.semantic.numpy_index import NumpyIndex
from cache_service.domain.semantic.cache import Question, SemanticCache
from cache_service.domain.semantic.entry import SemanticEntry
from cache_service.domain.semantic.gate import Gate, SemanticAnswer
from cache_service.domain.semantic.loaded import LoadedPartitions
from cache_service.domain.semantic.review import TENANTS as REVIEWED
from cache_service.domain.semantic.review import HitLog
from cache_service.domain.semantic.statistics import TENANTS, SemanticStatistics
from cache_service.domain.semantic.store import SemanticLimits, SemanticStore, SemanticStoreAway, StoredVector
from cache_service.domain.semantic.threshold import Thresholds
from cache_service.domain.semantic.vector import unit_vector
from penstock_kit.errors import InvalidArgument
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import until

WHOLE = SemanticAnswer(finish_reason="stop", text="Press the button.", model="p/m")


def vector_of(*numbers: float) -> bytes:
    return unit_vector(array("f", numbers).tobytes())


ASKED = Question(
    tenant="t", partition_key="k", text="How do I reset the pump?", vector=vector_of(1.0, 0.0), embedder="e"
)


def numbered(number: int) -> Question:
    """A question of its own, with a vector a little apart from the one before."""
    angle = number / 250
    return replace(ASKED, text=f"How do I reset pump {number}?", vector=vector_of(math.cos(angle), math.sin(angle)))


def cache_of(clock: ManualClock, store: SemanticStore | None = None, *, vectors: int = 1_000) -> SemanticCache:
    held = store or MemorySemanticStore(clock=clock, limits=SemanticLimits())
    numbers = itertools.count()
    return SemanticCache(
        store=held,
        loaded=LoadedPartitions(store=held, new_index=NumpyIndex, max_vectors=vectors, max_partitions=100),
        gate=Gate(),
        thresholds=Thresholds(by_embedder={"e": 0.9, "*": 0.99}),
        clock=clock,
        new_id=lambda: f"sem_{next(numbers)}",
        default_ttl=60.0,
        longest_ttl=3600.0,
    )


async def stored(cache: SemanticCache, question: Question = ASKED, value: bytes = b"answer") -> str:
    return (await cache.put(question, WHOLE, value, 0.0)).entry_id


class AwayStore(MemorySemanticStore):
    """A store that can be switched away."""

    away = False

    async def put(self, entry: SemanticEntry, ttl: float) -> int:
        self._check()
        return await super().put(entry, ttl)

    async def list_after(self, tenant: str, partition: str, after: int, limit: int) -> Sequence[StoredVector]:
        self._check()
        return await super().list_after(tenant, partition, after, limit)

    async def read(self, ids: Sequence[str]) -> Sequence[SemanticEntry | None]:
        self._check()
        return await super().read(ids)

    def _check(self) -> None:
        if self.away:
            raise SemanticStoreAway("away")


async def test_a_question_in_other_words_is_answered_and_a_near_miss_is_not(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    found = await cache.lookup(replace(ASKED, text="How can I reset the pump?", vector=vector_of(1.0, 0.1)))
    assert found.entry is not None
    assert (found.entry.value, found.similarity) == (b"answer", pytest.approx(0.995, abs=0.001))
    refused = await cache.lookup(replace(ASKED, text="How do I reset the fan?"))
    assert (refused.entry, refused.refused_by, refused.similarity) == (None, "word", pytest.approx(1.0))


async def test_below_the_threshold_there_is_no_hit_and_a_caller_only_tightens_it(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    near = replace(ASKED, vector=vector_of(1.0, 0.4))  # similarity 0.928
    assert (await cache.lookup(near)).entry is not None
    assert (await cache.lookup(near, 0.2)).entry is not None
    assert (await cache.lookup(near, 0.95)).entry is None
    far = replace(ASKED, vector=vector_of(1.0, 0.6))  # similarity 0.857
    assert (await cache.lookup(far, 0.5)).entry is None
    with pytest.raises(InvalidArgument, match="between 0 and 1"):
        await cache.lookup(near, 1.1)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, tenant="other"),
        replace(ASKED, tenant=""),
        replace(ASKED, partition_key="another model, system prompt or tool"),
        replace(ASKED, embedder="another"),
        replace(ASKED, vector=vector_of(1.0, 0.0, 0.0)),
        replace(ASKED, text="如何重置水泵？"),
    ],
    ids=["tenant", "no tenant", "partition", "embedder", "dimensions", "language"],
)
async def test_nothing_crosses_a_partition(clock: ManualClock, other: Question) -> None:
    cache = cache_of(clock)
    await stored(cache)
    assert (await cache.lookup(other)).entry is None
    assert (await cache.lookup(ASKED)).entry is not None


async def test_ten_thousand_same_questions_across_tenants_hit_nothing(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    for number in range(10_000):
        assert (await cache.lookup(replace(ASKED, tenant=f"t{number}"))).entry is None
    assert cache.statistics.total.hits == 0


class OldStore(MemorySemanticStore):
    """A store that gives entries as the test has changed them, whatever became of them."""

    changed: Mapping[str, Any] = MappingProxyType({})

    async def read(self, ids: Sequence[str]) -> Sequence[SemanticEntry | None]:
        return [entry and replace(entry, **self.changed) for entry in await super().read(ids)]


@pytest.mark.parametrize(
    ("changed", "is_given"),
    [
        ({}, True),
        ({"tenant": "other"}, False),
        ({"partition": "other"}, False),
        ({"expire_time": ManualClock().now()}, False),
    ],
    ids=["as it was", "another tenant", "another partition", "a life that is over"],
)
async def test_an_entry_under_a_found_id_is_given_only_while_it_is_the_askers_and_lives(
    clock: ManualClock, changed: Mapping[str, Any], is_given: bool
) -> None:
    store = OldStore(clock=clock, limits=SemanticLimits())
    cache = cache_of(clock, store)
    await stored(cache)
    await cache.lookup(ASKED)
    store.changed = changed
    assert ((await cache.lookup(ASKED)).entry is not None) is is_given


async def test_an_answer_ends_with_its_life_and_a_hit_does_not_lengthen_it(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    clock.advance(40)
    assert (await cache.lookup(ASKED)).entry is not None
    clock.advance(21)
    assert (await cache.lookup(ASKED)).entry is None


async def test_a_vector_without_direction_is_neither_stored_nor_looked_up(clock: ManualClock) -> None:
    cache = cache_of(clock)
    for numbers in ((0.0, 0.0), (float("nan"), 1.0), (float("inf"), 0.0)):
        blank = replace(ASKED, vector=vector_of(*numbers))
        assert (await cache.put(blank, WHOLE, b"a", 0.0)).refused_by == "vector"
        assert (await cache.lookup(blank)).refused_by == "vector"


async def test_what_the_rules_keep_out_is_told_and_counted(clock: ManualClock) -> None:
    cache = cache_of(clock)
    assert (await cache.put(ASKED, replace(WHOLE, tool_calls=1), b"a", 0.0)).refused_by == "tool_call"
    assert (await cache.put(replace(ASKED, text="How hot is it now?"), WHOLE, b"a", 0.0)).refused_by == "time"
    assert (await cache.lookup(replace(ASKED, text="How hot is it now?"))).refused_by == "time"
    assert dict(cache.statistics.of("t").gated) == {"tool_call": 1, "time": 1}


async def test_hits_misses_and_refusals_are_counted_by_tenant_and_in_all(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    await cache.lookup(ASKED)
    await cache.lookup(replace(ASKED, text="How do I reset the fan?"))
    await cache.lookup(replace(ASKED, tenant="other"))
    mine, total = cache.statistics.of("t"), cache.statistics.total
    assert (mine.hits, mine.misses, mine.stores, dict(mine.refusals)) == (1, 1, 1, {"word": 1})
    assert (total.hits, total.misses) == (1, 2)


async def test_a_purged_answer_is_given_no_more_and_stands_in_no_review(clock: ManualClock) -> None:
    cache = cache_of(clock)
    name = await stored(cache)
    asked = replace(ASKED, text="How can I reset the pump?")
    assert (await cache.lookup(asked)).entry is not None
    (hit,) = cache.hits("t", 10, 0)
    assert (hit.asked, hit.stored, hit.entry_id) == (asked.text, ASKED.text, name)
    assert await cache.purge("other", entry_id=name) == 0
    assert await cache.purge("t", entry_id=name) == 1
    assert (await cache.lookup(asked)).entry is None
    assert cache.hits("t", 10, 0) == []


async def test_a_partition_asks_for_more_after_an_answer_that_was_given_was_purged(clock: ManualClock) -> None:
    cache = cache_of(clock)
    near = replace(ASKED, text="How can I reset the pump?", vector=vector_of(1.0, 0.4))  # similarity 0.928
    name = await stored(cache)
    await cache.lookup(near)
    await cache.purge("t", entry_id=name)
    await stored(cache)
    assert (await cache.lookup(near)).entry is None
    assert (await cache.lookup(ASKED)).entry is not None


async def test_answers_are_purged_by_how_their_question_begins_or_all_of_a_tenant(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    await stored(cache, replace(ASKED, tenant="other"))
    assert await cache.purge("t", prefix="why") == 0
    assert await cache.purge("t", prefix="how DO i") == 1
    await stored(cache)
    assert await cache.purge("t") == 1
    assert (await cache.lookup(ASKED)).entry is None
    assert (await cache.lookup(replace(ASKED, tenant="other"))).entry is not None


async def test_the_review_holds_what_was_asked_in_other_words_newest_first_in_pages(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await stored(cache)
    await cache.lookup(ASKED)
    for asked in ("How can I reset the pump?", "how to reset the pump", "Tell me how to reset the pump"):
        await cache.lookup(replace(ASKED, text=asked))
    first = cache.hits("t", 2, 0)
    assert [hit.asked for hit in first] == ["Tell me how to reset the pump", "how to reset the pump"]
    assert [hit.asked for hit in cache.hits("t", 2, first[-1].number)] == ["How can I reset the pump?"]
    assert cache.hits("other", 2, 0) == []


async def test_a_store_that_is_away_is_a_miss_and_what_follows_is_well(clock: ManualClock) -> None:
    store = AwayStore(clock=clock, limits=SemanticLimits())
    cache = cache_of(clock, store)
    await stored(cache)
    store.away = True
    assert (await cache.lookup(ASKED)).refused_by == "unavailable"
    assert (await cache.put(ASKED, WHOLE, b"a", 0.0)).refused_by == "unavailable"
    assert cache.statistics.total.unavailable == 1
    store.away = False
    assert (await cache.lookup(ASKED)).entry is not None


async def test_another_replica_gives_what_this_one_stored(clock: ManualClock) -> None:
    store = MemorySemanticStore(clock=clock, limits=SemanticLimits())
    one, other = cache_of(clock, store), cache_of(clock, store)
    assert (await other.lookup(ASKED)).entry is None
    name = await stored(one)
    assert (await other.lookup(ASKED)).entry is not None
    await one.purge("t", entry_id=name)
    assert (await other.lookup(ASKED)).entry is None


async def test_a_large_partition_is_loaded_behind_the_look_ups(clock: ManualClock) -> None:
    store = MemorySemanticStore(clock=clock, limits=SemanticLimits())
    one, questions = cache_of(clock, store), [numbered(number) for number in range(700)]
    for question in questions:
        await stored(one, question)
    cold = cache_of(clock, store)
    assert (await cold.lookup(questions[-1])).loading > 0
    await until(lambda: cold.loaded.vectors == len(questions))
    assert (await cold.lookup(questions[-1])).entry is not None
    await cold.close()


async def test_vectors_in_the_process_are_bounded_and_read_again_when_asked_for(clock: ManualClock) -> None:
    cache = cache_of(clock, vectors=3)
    for number in range(6):
        question = replace(ASKED, partition_key=f"k{number}")
        await stored(cache, question)
        assert (await cache.lookup(question)).entry is not None
        assert cache.loaded.vectors <= 3
    assert (await cache.lookup(replace(ASKED, partition_key="k0"))).entry is not None


async def test_the_index_finds_what_a_search_of_all_finds_while_vectors_come_and_go() -> None:
    generator, index, held = random.Random(7), NumpyIndex(8), dict[str, bytes]()
    for step in range(2_000):
        name = f"e{generator.randrange(200)}"
        if generator.random() < 0.4:
            index.remove(name)
            held.pop(name, None)
        else:
            held[name] = vector_of(*(generator.gauss(0, 1) for _ in range(8)))
            index.add(name, held[name])
        if step % 50 == 0 and held:
            asked = vector_of(*(generator.gauss(0, 1) for _ in range(8)))
            wanted = sorted(held, key=lambda each: -similarity(held[each], asked))[:5]
            assert [each for each, _ in index.nearest(asked, 5)] == wanted
    assert len(index) == len(held)


async def test_many_at_once_store_and_find_without_a_failure(clock: ManualClock) -> None:
    cache = cache_of(clock)
    questions = [numbered(number) for number in range(50)]
    await asyncio.gather(*(stored(cache, each, each.text.encode()) for each in questions))
    found = await asyncio.gather(*(cache.lookup(each) for each in questions))
    assert [each.entry.value if each.entry else b"" for each in found] == [each.text.encode() for each in questions]


def similarity(first: bytes, second: bytes) -> float:
    return sum(a * b for a, b in zip(array("f", first), array("f", second), strict=True))


def test_counts_are_kept_of_the_thousand_tenants_asked_last_and_of_all_in_all() -> None:
    statistics = SemanticStatistics()
    for number in (*range(TENANTS), 0, TENANTS):
        for counts in statistics.both(f"t{number}"):
            counts.hits += 1
    assert [statistics.of(f"t{number}").hits for number in (0, 1, 2, TENANTS)] == [2, 0, 1, 1]
    assert statistics.total.hits == TENANTS + 2


def test_the_review_keeps_the_thousand_tenants_of_late() -> None:
    log = HitLog()
    rest = {"asked": "a", "stored": "b", "similarity": 1.0, "partition": "p", "model": "m", "at": ManualClock().now()}
    for number in (*range(REVIEWED), 0, REVIEWED):
        log.add(f"t{number}", entry_id="e", **rest)
    assert [len(log.page(f"t{number}", 10)) for number in (0, 1, 2, REVIEWED)] == [2, 0, 1, 1]


def test_a_partition_whose_similarity_was_raised_is_remembered_among_ten_thousand() -> None:
    thresholds = Thresholds(by_embedder={"*": 0.5})
    for number in range(10_001):
        thresholds.tighten(f"p{number}", 0.8)
    assert [thresholds.needed("e", f"p{number}", 0.0) for number in (0, 1, 10_000)] == [0.5, 0.81, 0.81]


def test_a_partition_whose_similarity_was_raised_again_is_not_the_first_to_be_forgotten() -> None:
    thresholds = Thresholds(by_embedder={"*": 0.5})
    for number in (*range(10_000), 0, 10_000):
        thresholds.tighten(f"p{number}", 0.8)
    assert [thresholds.needed("e", f"p{number}", 0.0) for number in (0, 1, 10_000)] == [0.81, 0.5, 0.81]


async def test_an_answer_lives_no_longer_than_the_longest_life_whatever_is_asked_for(clock: ManualClock) -> None:
    cache = cache_of(clock)
    await cache.put(ASKED, WHOLE, b"answer", 1e6)
    clock.advance(3599)
    assert (await cache.lookup(ASKED)).entry is not None
    clock.advance(1)
    assert (await cache.lookup(ASKED)).entry is None


async def test_where_answers_are_purged_by_their_question_only_their_hits_leave_the_review(clock: ManualClock) -> None:
    cache = cache_of(clock)
    fan = replace(ASKED, text="How do I reset the fan?", vector=vector_of(0.0, 1.0))
    for question in (ASKED, fan):
        await stored(cache, question)
        await cache.lookup(replace(question, text=question.text.replace("do", "can")))
    assert len(cache.hits("t", 10, 0)) == 2
    assert await cache.purge("t", prefix="HOW do I reset the F") == 1
    assert [hit.stored for hit in cache.hits("t", 10, 0)] == [ASKED.text]
    assert await cache.purge("t") == 1
    assert cache.hits("t", 10, 0) == []


async def test_the_partition_asked_least_recently_leaves_when_there_are_too_many_and_the_one_asked_stays(
    clock: ManualClock,
) -> None:
    store = MemorySemanticStore(clock=clock, limits=SemanticLimits())
    loaded = LoadedPartitions(store=store, new_index=NumpyIndex, max_vectors=1_000, max_partitions=2)
    seen = [await loaded.synchronize("t", name, 2) for name in ("a", "b", "a", "c", "a", "b")]
    assert len(loaded) == 2
    assert (seen[4] is seen[2] is seen[0], seen[5] is seen[1]) == (True, False)


async def test_an_answer_lives_for_the_usual_time_or_for_that_it_was_stored_for(clock: ManualClock) -> None:
    for asked, lives in ((0.0, 60), (7.0, 7), (90.0, 90)):
        cache = cache_of(clock)
        await cache.put(ASKED, WHOLE, b"answer", asked)
        clock.advance(lives - 1)
        assert (await cache.lookup(ASKED)).entry is not None
        clock.advance(1)
        assert (await cache.lookup(ASKED)).entry is None
    with pytest.raises(InvalidArgument):
        await cache.put(ASKED, WHOLE, b"answer", -1.0)
