"""What searches vectors: one by one with NumPy, and by a graph of usearch, under one contract."""

import asyncio
import random
import threading
from array import array
from typing import Any

import pytest

from cache_service.adapters.semantic.numpy_index import NumpyIndex
from cache_service.adapters.semantic.usearch_index import Graph, UsearchIndex
from penstock_testkit.contracts.vector_index import VectorIndexContract, vector_of
from penstock_testkit.waiting import until


class TestNumpyIndex(VectorIndexContract):
    @pytest.fixture
    def index(self) -> NumpyIndex:
        return NumpyIndex(8)


class TestUsearchIndex(VectorIndexContract):
    @pytest.fixture
    def index(self) -> UsearchIndex:
        return UsearchIndex(8, exact=16, run=lambda build, use: use(build()))


class TestUsearchIndexBeforeItsGraphIsThere(VectorIndexContract):
    @pytest.fixture
    def index(self) -> UsearchIndex:
        return UsearchIndex(8, exact=16, run=lambda build, use: None)


async def test_a_graph_is_built_beside_the_event_loop_and_what_changes_meanwhile_is_right() -> None:
    generator, built_by, go_on = random.Random(5), list[int](), threading.Event()

    def run(build: Any, use: Any) -> None:
        def building() -> Graph:
            built_by.append(threading.get_ident())
            go_on.wait()
            return build()

        future = asyncio.get_running_loop().run_in_executor(None, building)
        future.add_done_callback(lambda done: use(done.result()))

    index = UsearchIndex(8, exact=50, run=run)
    vectors = {f"e{number}": vector_of(*(generator.gauss(0, 1) for _ in range(8))) for number in range(60)}
    for name, vector in vectors.items():
        index.add(name, vector)
    assert index.nearest(vectors["e5"], 1)[0][0] == "e5", "it is found while the graph is not there"
    index.remove("e5")
    moved = vector_of(1, 0, 0, 0, 0, 0, 0, 0)
    index.add("e6", moved)
    go_on.set()
    await until(lambda: index.graph_size > 50)
    assert "e5" not in {name for name, _ in index.nearest(vectors["e5"], 59)}
    assert index.nearest(moved, 1)[0][0] == "e6"
    assert built_by
    assert threading.get_ident() not in built_by


async def test_a_partition_beyond_the_bound_is_searched_by_the_graph_and_finds_what_was_stored() -> None:
    generator = random.Random(6)
    index = UsearchIndex(32, exact=1_000)
    vectors = {f"e{n}": vector_of(*(generator.gauss(0, 1) for _ in range(32))) for n in range(3_000)}
    for name, vector in vectors.items():
        index.add(name, vector)
    await until(lambda: index.graph_size > 1_000)
    asked = generator.sample(sorted(vectors), 200)
    found = [index.nearest(array("f", vectors[name]).tobytes(), 1)[0][0] for name in asked]
    assert sum(name == each for name, each in zip(asked, found, strict=True)) >= 198
