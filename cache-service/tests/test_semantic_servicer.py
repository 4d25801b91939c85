"""The RPCs of the semantic cache: whose they are, what they refuse and what they tell."""

from collections.abc import Iterator
from typing import Any

import pytest
from penstock.cache.v1 import cache_pb2 as pb

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import FailedPrecondition, InvalidArgument, PermissionDenied

WHOLE = pb.SemanticAnswer(finish_reason="stop", text="Press the button.", model="p/m")


def as_caller(tenant: str, *scopes: str) -> Any:
    caller = Caller(user_id="u1", tenant_id=tenant, scopes=frozenset(scopes))
    return use_context(CallContext(request_id="req_test", caller=caller))


@pytest.fixture(autouse=True)
def caller() -> Iterator[None]:
    with as_caller("acme", "admin"):
        yield


def lookup(text: str = "How do I reset the pump?", **options: Any) -> pb.SemanticLookupRequest:
    return pb.SemanticLookupRequest(
        **({"partition_key": "k", "text": text, "embedding": [1.0, 0.0], "embedder": "e"} | options)
    )


def store(text: str = "How do I reset the pump?", **options: Any) -> pb.SemanticStoreRequest:
    given = {
        "partition_key": "k",
        "text": text,
        "embedding": [1.0, 0.0],
        "embedder": "e",
        "value": b"v",
        "answer": WHOLE,
    }
    return pb.SemanticStoreRequest(**(given | options))


async def test_an_answer_is_stored_found_in_other_words_listed_and_purged(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    stored = await stub.SemanticStore(store())
    found = await stub.SemanticLookup(lookup("How can I reset the pump?"))
    assert (found.hit, found.value, found.similarity, found.entry_id) == (True, b"v", 1.0, stored.entry_id)
    (hit,) = (await stub.ListSemanticHits(pb.ListSemanticHitsRequest())).hits
    assert (hit.asked, hit.stored, hit.entry_id, hit.model) == (
        "How can I reset the pump?", "How do I reset the pump?", stored.entry_id, "p/m",
    )  # fmt: skip
    assert (await stub.SemanticPurge(pb.SemanticPurgeRequest(id=stored.entry_id))).deleted == 1
    assert not (await stub.SemanticLookup(lookup())).hit


async def test_a_near_miss_says_which_guard_refused_it(served_by_clock: Any) -> None:
    await served_by_clock.stub.SemanticStore(store())
    missed = await served_by_clock.stub.SemanticLookup(lookup("How do I reset the fan?"))
    assert (missed.hit, missed.refused_by, missed.similarity) == (False, "word", 1.0)


async def test_what_is_not_stored_says_by_which_rule(served_by_clock: Any) -> None:
    cut = pb.SemanticAnswer(finish_reason="length", text="Press")
    stored = await served_by_clock.stub.SemanticStore(store(answer=cut))
    assert (stored.entry_id, stored.refused_by) == ("", "truncated")


async def test_one_tenant_never_reaches_anothers_answers(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    stored = await stub.SemanticStore(store())
    await stub.SemanticLookup(lookup("How can I reset the pump?"))
    with as_caller("other", "admin"):
        assert not (await stub.SemanticLookup(lookup())).hit
        assert not (await stub.ListSemanticHits(pb.ListSemanticHitsRequest())).hits
        assert (await stub.SemanticPurge(pb.SemanticPurgeRequest(id=stored.entry_id))).deleted == 0
        assert (await stub.SemanticPurge(pb.SemanticPurgeRequest(all=True))).deleted == 0
        assert (await stub.GetSemanticStats(pb.GetSemanticStatsRequest())).hits == 0
        for call in (
            stub.SemanticPurge(pb.SemanticPurgeRequest(all=True, tenant_id="acme")),
            stub.ListSemanticHits(pb.ListSemanticHitsRequest(tenant_id="acme")),
            stub.GetSemanticStats(pb.GetSemanticStatsRequest(all_tenants=True)),
        ):
            with pytest.raises(PermissionDenied):
                await call
    assert (await stub.SemanticLookup(lookup())).hit


async def test_an_operator_reaches_every_tenant(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    await stub.SemanticStore(store())
    await stub.SemanticLookup(lookup("How can I reset the pump?"))
    with as_caller("default", "operator"):
        assert len((await stub.ListSemanticHits(pb.ListSemanticHitsRequest(tenant_id="acme"))).hits) == 1
        stats = await stub.GetSemanticStats(pb.GetSemanticStatsRequest(all_tenants=True))
        assert (stats.hits, stats.stores, stats.vectors, stats.store) == (1, 1, 1, "memory")
        assert (await stub.SemanticPurge(pb.SemanticPurgeRequest(all=True, tenant_id="acme"))).deleted == 1


async def test_a_user_without_the_right_purges_and_sees_nothing(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    with as_caller("acme", "chat"):
        for call in (
            stub.SemanticPurge(pb.SemanticPurgeRequest(all=True)),
            stub.ListSemanticHits(pb.ListSemanticHitsRequest()),
            stub.GetSemanticStats(pb.GetSemanticStatsRequest()),
        ):
            with pytest.raises(PermissionDenied):
                await call


@pytest.mark.parametrize(
    ("request_", "error", "reason"),
    [
        (lookup(partition_key=""), InvalidArgument, "PARTITION_KEY_INVALID"),
        (lookup(text="x" * 8193), InvalidArgument, "TEXT_LIMIT_EXCEEDED"),
        (lookup(embedding=[]), FailedPrecondition, "EMBEDDER_UNAVAILABLE"),
        (lookup(embedding=[1.0] * 4097), InvalidArgument, "EMBEDDING_INVALID"),
        (lookup(threshold=1.5), InvalidArgument, "SIMILARITY_INVALID"),
        (lookup(threshold=-0.1), InvalidArgument, "SIMILARITY_INVALID"),
    ],
)
async def test_a_bad_look_up_is_refused_by_name(
    served_by_clock: Any, request_: pb.SemanticLookupRequest, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error) as refused:
        await served_by_clock.stub.SemanticLookup(request_)
    assert refused.value.reason == reason  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "purge", [pb.SemanticPurgeRequest(), pb.SemanticPurgeRequest(id="sem_1", all=True)], ids=["nothing", "two"]
)
async def test_a_purge_names_exactly_one_thing(served_by_clock: Any, purge: pb.SemanticPurgeRequest) -> None:
    with pytest.raises(InvalidArgument, match="one of id"):
        await served_by_clock.stub.SemanticPurge(purge)


async def test_hits_come_in_pages_and_a_foreign_token_is_refused(served_by_clock: Any) -> None:
    stub = served_by_clock.stub
    await stub.SemanticStore(store())
    for asked in ("How can I reset the pump?", "how to reset the pump"):
        await stub.SemanticLookup(lookup(asked))
    first = await stub.ListSemanticHits(pb.ListSemanticHitsRequest(page_size=1))
    rest = await stub.ListSemanticHits(pb.ListSemanticHitsRequest(page_size=1, page_token=first.next_page_token))
    assert [first.hits[0].asked, rest.hits[0].asked] == ["how to reset the pump", "How can I reset the pump?"]
    assert rest.next_page_token == ""
    with pytest.raises(InvalidArgument, match="not of this list"):
        await stub.ListSemanticHits(pb.ListSemanticHitsRequest(page_token="x"))
