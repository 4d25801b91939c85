"""The contract of whatever searches the vectors of a partition."""

import math
import random
from array import array
from collections.abc import Sequence
from typing import Any


def vector_of(*numbers: float) -> bytes:
    """Return numbers as a vector of length one."""
    length = math.sqrt(sum(number * number for number in numbers))
    return array("f", (number / length for number in numbers)).tobytes()


def similarity(first: bytes, second: bytes) -> float:
    """Return the cosine similarity of two vectors of length one."""
    return math.fsum(one * other for one, other in zip(array("f", first), array("f", second), strict=True))


class VectorIndexContract:
    """Subclass it and give a fixture `index`, for vectors of eight numbers."""

    def test_an_empty_index_finds_nothing(self, index: Any) -> None:
        """Ask before anything is there."""
        assert list(index.nearest(vector_of(*[1.0] * 8), 5)) == []
        assert len(index) == 0

    def test_the_nearest_comes_first_with_its_similarity(self, index: Any) -> None:
        """Ask for the nearer of two."""
        near, far = vector_of(1, 1, 0, 0, 0, 0, 0, 0), vector_of(0, 0, 1, 0, 0, 0, 0, 0)
        index.add("near", near)
        index.add("far", far)
        asked = vector_of(1, 0, 0, 0, 0, 0, 0, 0)
        found = index.nearest(asked, 2)
        assert [each for each, _ in found] == ["near", "far"]
        assert abs(found[0][1] - similarity(near, asked)) < 1e-5

    def test_an_id_that_is_added_again_has_its_new_vector_alone(self, index: Any) -> None:
        """Replace vectors, on either side of whatever the index does at some size."""
        generator = random.Random(1)
        for number in range(120):
            index.add(f"e{number % 60}", _random(generator))
        moved = vector_of(0, 0, 0, 0, 0, 0, 0, 1)
        index.add("e7", moved)
        found = index.nearest(moved, 60)
        assert found[0][0] == "e7"
        assert abs(found[0][1] - 1.0) < 1e-5
        assert len({each for each, _ in found}) == len(found)
        assert len(index) == 60

    def test_what_was_removed_is_never_found_and_an_unknown_id_is_none(self, index: Any) -> None:
        """Remove most of what is there."""
        generator = random.Random(2)
        for number in range(200):
            index.add(f"e{number}", _random(generator))
        for number in range(190):
            index.remove(f"e{number}")
        index.remove("unknown")
        assert {each for each, _ in index.nearest(_random(generator), 50)} == {f"e{n}" for n in range(190, 200)}
        assert ("e3" in index, "e195" in index, len(index)) == (False, True, 10)

    def test_a_thousand_changes_leave_what_a_search_of_all_finds(self, index: Any) -> None:
        """Add, replace and remove at random, and compare with brute force: nothing that went, and nearly all of the
        nearest, the very nearest always."""
        generator, held = random.Random(3), dict[str, bytes]()
        wanted_in_all, found_in_all = 0, 0
        for step in range(1_000):
            name = f"e{generator.randrange(150)}"
            if generator.random() < 0.35:
                index.remove(name)
                held.pop(name, None)
            else:
                held[name] = _random(generator)
                index.add(name, held[name])
            if step % 20 == 0 and held:
                asked = _random(generator)
                wanted = sorted(held, key=lambda each, asked=asked: -similarity(held[each], asked))[:5]
                found = [each for each, _ in index.nearest(asked, 5)]
                assert set(found) <= set(held)
                assert found[0] == wanted[0]
                wanted_in_all += len(wanted)
                found_in_all += len(set(wanted) & set(found))
        assert len(index) == len(held)
        assert found_in_all >= 0.95 * wanted_in_all


def _random(generator: random.Random) -> bytes:
    numbers: Sequence[float] = [generator.gauss(0, 1) for _ in range(8)]
    return vector_of(*numbers)
