"""How similar two questions must be after what a person purged, and the hits of late that a person looks over."""

import math

import pytest

from cache_service.domain.semantic.review import HITS_A_TENANT, HitLog
from cache_service.domain.semantic.threshold import Thresholds
from penstock_kit.errors import InvalidArgument
from penstock_testkit.clock import ManualClock


def test_the_similarity_that_a_hit_needs_is_that_of_its_model_else_of_all_others_else_the_same_question() -> None:
    thresholds = Thresholds(by_embedder={"e": 0.9, "*": 0.99})
    assert [thresholds.needed(model, "p", 0.0) for model in ("e", "other")] == [0.9, 0.99]
    assert Thresholds(by_embedder={"e": 0.9}).needed("other", "p", 0.0) == 1.0
    assert [thresholds.needed("e", "p", asked) for asked in (0.0, 0.95, 1.0)] == [0.9, 0.95, 1.0]
    for asked in (-0.01, 1.01, math.nan):
        with pytest.raises(InvalidArgument, match="between 0 and 1") as refused:
            thresholds.needed("e", "p", asked)
        assert (refused.value.reason, refused.value.metadata["field"]) == ("SIMILARITY_INVALID", "threshold")


def test_a_partition_never_asks_for_less_than_before_nor_for_more_than_the_same_question() -> None:
    thresholds = Thresholds(by_embedder={"e": 0.5})
    needed: list[float] = []
    for similarity in (0.9, 0.7, 0.95, 1.0):
        thresholds.tighten("p", similarity)
        needed.append(thresholds.needed("e", "p", 0.0))
    assert needed == pytest.approx([0.91, 0.91, 0.96, 1.0])
    assert thresholds.needed("e", "another", 0.0) == 0.5


def hits_of(log: HitLog, tenant: str, *entries: str) -> None:
    for number, entry in enumerate(entries):
        log.add(
            tenant,
            asked=f"a{number}",
            stored="b",
            similarity=number / 10,
            entry_id=entry,
            partition="p",
            model="m",
            at=ManualClock().now(),
        )


def test_the_hits_of_an_entry_are_found_and_forgotten_alone_and_those_of_a_tenant_together() -> None:
    log = HitLog()
    hits_of(log, "t", "e", "f", "e", "g")
    hits_of(log, "other", "e")
    assert [hit.asked for hit in log.of_entry("t", "e")] == ["a0", "a2"]
    assert log.of_entry("nobody", "e") == []
    log.forget("t", frozenset({"e", "g"}))
    log.forget("nobody", frozenset({"e"}))
    assert [hit.entry_id for hit in log.page("t", 10)] == ["f"]
    assert [hit.entry_id for hit in log.page("other", 10)] == ["e"]
    log.forget("t", None)
    log.forget("nobody", None)
    assert (log.page("t", 10), len(log.page("other", 10))) == ([], 1)


def test_the_last_thousand_hits_of_a_tenant_are_kept_also_after_some_were_forgotten() -> None:
    log = HitLog()
    hits_of(log, "t", "gone", *["e"] * HITS_A_TENANT)
    assert [hit.number for hit in log.page("t", 2)] == [HITS_A_TENANT + 1, HITS_A_TENANT]
    assert len(log.page("t", 2 * HITS_A_TENANT)) == HITS_A_TENANT
    log.forget("t", frozenset({"nothing"}))
    hits_of(log, "t", "e")
    assert len(log.page("t", 2 * HITS_A_TENANT)) == HITS_A_TENANT
    assert [hit.number for hit in log.page("t", 2, before=5)] == [4, 3]
