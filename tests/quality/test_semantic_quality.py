"""The quality of the semantic cache with what it ships, on pairs that nobody looked at while it was made."""

from bench.semantic_curve import SHIPPED
from bench.semantic_pairs import read_pairs
from bench.semantic_quality import judged_pairs, quality

from cache_service.settings import CacheSettings


def test_there_are_four_hundred_pairs_in_two_languages_half_of_them_held_out() -> None:
    pairs = read_pairs()
    assert len(pairs) >= 400
    assert len({(pair.first, pair.second) for pair in pairs}) == len(pairs)
    for language in ("en", "zh"):
        held_out = [pair for pair in pairs if pair.language == language and pair.held_out]
        assert 30 <= sum(pair.same for pair in held_out) <= len(held_out) - 30
    kinds = {pair.kind for pair in pairs if not pair.same}
    assert kinds == {"number", "unit", "device", "date", "negation", "direction", "order", "word", "language"}


def test_the_figures_are_those_of_the_threshold_that_is_set() -> None:
    assert CacheSettings(_env_file=None).semantic_thresholds["fallback/hashing"] == SHIPPED


def test_on_pairs_held_out_at_least_97_of_100_hits_are_right_and_60_of_100_rewordings_hit() -> None:
    held_out = [each for each in judged_pairs() if each.pair.held_out]
    reached = quality(held_out, SHIPPED)
    assert reached.precision >= 0.97, reached
    assert reached.recall >= 0.6, reached


def test_the_same_holds_for_each_language() -> None:
    for language in ("en", "zh"):
        held_out = [each for each in judged_pairs() if each.pair.held_out and each.pair.language == language]
        reached = quality(held_out, SHIPPED)
        assert reached.precision >= 0.95, (language, reached)
        assert reached.recall >= 0.6, (language, reached)


def test_similarity_alone_would_not_do() -> None:
    held_out = [each for each in judged_pairs() if each.pair.held_out]
    assert quality(held_out, SHIPPED, guarded=False).precision < 0.97


def test_guards_tell_near_misses_apart_at_any_similarity() -> None:
    near_misses = [each for each in judged_pairs() if not each.pair.same]
    passed = [each.pair for each in near_misses if not each.refused_by]
    assert len(passed) <= len(near_misses) * 0.03, passed
