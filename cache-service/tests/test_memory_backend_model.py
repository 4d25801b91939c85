"""The memory backend beside a plain dict that is told the time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache_service.adapters.memory.backend import MemoryBackend
from cache_service.domain.entry import ALWAYS, Condition, Entry
from penstock_testkit.clock import ManualClock

KEYS = [f"t\0{key}" for key in ("a", "a:1", "a:2", "ab:1", "b:1", "b:1:x")]
TAGS = ["t\0red", "t\0blue"]
PREFIXES = ["t\0", "t\0a", "t\0a:", "t\0b:1", "t\0zz"]


def done(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits."""
    with pytest.raises(StopIteration) as finished:
        coroutine.send(None)
    return finished.value.value


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.backend = MemoryBackend(clock=self.clock, max_entries=1_000, max_size=1_000_000)
        self.model: dict[str, Entry] = {}

    def live(self) -> dict[str, Entry]:
        return {key: entry for key, entry in self.model.items() if entry.expire_at > self.clock.monotonic()}

    @rule(
        key=st.sampled_from(KEYS),
        value=st.binary(max_size=5),
        ttl=st.sampled_from([0.25, 1.0, 7.5, 100.0]),
        tags=st.lists(st.sampled_from(TAGS), unique=True),
        only_if_absent=st.booleans(),
    )
    def write(self, key: str, value: bytes, ttl: float, tags: list[str], only_if_absent: bool) -> None:
        entry = Entry(key=key, value=value, expire_at=self.clock.monotonic() + ttl, tags=tuple(tags))
        expected = not (only_if_absent and key in self.live())
        assert done(self.backend.set(entry, Condition(only_if_absent=only_if_absent))) is expected
        if expected:
            self.model[key] = entry

    @rule(keys=st.lists(st.sampled_from(KEYS), unique=True))
    def delete(self, keys: list[str]) -> None:
        assert done(self.backend.delete(keys)) == [key for key in keys if key in self.live()]
        for key in keys:
            self.model.pop(key, None)

    @rule(prefix=st.sampled_from(["", *PREFIXES]), tag=st.sampled_from(["", *TAGS]))
    def invalidate(self, prefix: str, tag: str) -> None:
        gone = {
            key
            for key, entry in self.live().items()
            if (prefix and key.startswith(prefix)) or (tag and tag in entry.tags)
        }
        assert set(done(self.backend.invalidate(prefix=prefix, tag=tag))) == gone
        for key in gone:
            del self.model[key]

    @rule(seconds=st.sampled_from([0.125, 0.5, 1.0, 3.0, 50.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(limit=st.integers(1, 10))
    def sweep(self, limit: int) -> None:
        self.backend.sweep(limit)

    @invariant()
    def reads_agree_with_the_model(self) -> None:
        found = {key: done(self.backend.get(key)).entry for key in KEYS}
        assert {key: entry for key, entry in found.items() if entry is not None} == self.live()

    @invariant()
    def usage_agrees_with_the_model(self) -> None:
        usage = self.backend.usage()
        assert usage.entries == len(self.live())
        assert usage.size == sum(len(entry.value) for entry in self.live().values())
        assert usage.evictions == 0


TestModel = Machine.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=60),
    max_entries=st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_bounds_hold_and_the_newest_writes_survive(sizes: list[tuple[int, int]], max_entries: int) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        backend = MemoryBackend(clock=clock, max_entries=max_entries, max_size=20)
        order: dict[str, int] = {}
        for number, size in sizes:
            key = f"t\0{number}"
            await backend.set(Entry(key=key, value=b"x" * size, expire_at=clock.monotonic() + 60), ALWAYS)
            order.pop(key, None)
            order[key] = size
            while len(order) > max_entries or sum(order.values()) > 20:
                del order[next(iter(order))]
            held = {each for each in order if (await backend.get_many([each]))[0] is not None}
            assert held == set(order)
            assert (backend.usage().entries, backend.usage().size) == (len(order), sum(order.values()))

    asyncio.run(scenario())
