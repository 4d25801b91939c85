"""What every CacheBackend must do, whatever holds its entries.

The suite knows the port by its shape only, so that it needs no service to be installed: a subclass
provides the fixtures `backend` and `make_entry`, and `let_pass`, which makes time go by.
"""

# The names of the tests are their documentation.
# ruff: noqa: D102

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import pytest

TENANT = "acme\0"
OTHER = "other\0"


class MakeEntry(Protocol):
    """Builds an entry that lives `ttl` seconds from now."""

    def __call__(
        self, key: str, value: bytes = b"v", *, ttl: float = 60.0, tags: Sequence[str] = (), negative: bool = False
    ) -> Any:
        """Return the entry; `key` and `tags` are full."""
        ...


class MakeCondition(Protocol):
    """Builds a write condition."""

    def __call__(self, *, only_if_absent: bool = False, generation: int | None = None) -> Any:
        """Return the condition."""
        ...


LetPass = Callable[[float], Awaitable[None]]


class CacheBackendContract:
    """Subclass it as ``TestXBackend`` with the fixtures `backend`, `make_entry`, `make_condition` and `let_pass`."""

    @pytest.fixture
    def put(self, backend: Any, make_entry: MakeEntry, make_condition: MakeCondition) -> Any:
        """Write without a condition."""

        async def write(key: str, value: bytes = b"v", **options: Any) -> bool:
            return await backend.set(make_entry(TENANT + key, value, **options), make_condition())

        return write

    async def test_a_written_value_is_read_back(self, backend: Any, put: Any) -> None:
        assert await put("a", b"\x00\xff binary")
        entry = (await backend.get(TENANT + "a")).entry
        assert (entry.key, entry.value, entry.negative) == (TENANT + "a", b"\x00\xff binary", False)

    async def test_a_missing_key_reads_as_none(self, backend: Any) -> None:
        assert (await backend.get(TENANT + "nothing")).entry is None

    async def test_an_empty_value_is_a_value(self, backend: Any, put: Any) -> None:
        await put("a", b"")
        entry = (await backend.get(TENANT + "a")).entry
        assert entry is not None
        assert entry.value == b""

    async def test_a_negative_entry_says_so(self, backend: Any, put: Any) -> None:
        await put("a", b"", negative=True)
        assert (await backend.get(TENANT + "a")).entry.negative is True

    async def test_a_later_write_wins_with_its_own_life_and_tags(
        self, backend: Any, put: Any, let_pass: LetPass
    ) -> None:
        await put("a", b"old", ttl=1.0, tags=(TENANT + "red",))
        await put("a", b"new", ttl=60.0, tags=(TENANT + "blue",))
        await let_pass(1.5)
        assert await backend.invalidate(tag=TENANT + "red") == []
        assert (await backend.get(TENANT + "a")).entry.value == b"new"

    async def test_a_value_ends_with_its_life(self, backend: Any, put: Any, let_pass: LetPass) -> None:
        await put("short", ttl=1.0)
        await put("long", ttl=60.0)
        await let_pass(1.1)
        assert (await backend.get(TENANT + "short")).entry is None
        assert (await backend.get(TENANT + "long")).entry is not None

    async def test_one_tenants_key_is_not_anothers(self, backend: Any, put: Any) -> None:
        await put("a")
        assert (await backend.get(OTHER + "a")).entry is None

    async def test_get_many_answers_in_the_order_asked(self, backend: Any, put: Any) -> None:
        await put("a", b"1")
        await put("c", b"3")
        entries = await backend.get_many([TENANT + key for key in ("c", "b", "a")])
        assert [entry and entry.value for entry in entries] == [b"3", None, b"1"]

    async def test_get_many_of_nothing_is_nothing(self, backend: Any) -> None:
        assert await backend.get_many([]) == []

    async def test_delete_names_those_that_were_live(self, backend: Any, put: Any, let_pass: LetPass) -> None:
        await put("a")
        await put("ended", ttl=1.0)
        await let_pass(1.1)
        assert await backend.delete([TENANT + key for key in ("a", "ended", "never")]) == [TENANT + "a"]
        assert (await backend.get(TENANT + "a")).entry is None

    async def test_a_prefix_takes_what_begins_so_and_nothing_else(self, backend: Any, put: Any) -> None:
        for key in ("cards:1", "cards:2", "cards", "card", "cars:1"):
            await put(key)
        deleted = await backend.invalidate(prefix=TENANT + "cards:")
        assert sorted(deleted) == [TENANT + "cards:1", TENANT + "cards:2"]
        assert (await backend.get(TENANT + "cards")).entry is not None

    async def test_a_prefix_may_end_within_a_segment(self, backend: Any, put: Any) -> None:
        for key in ("cards:1", "cards:21", "cards:2", "cars:1"):
            await put(key)
        assert sorted(await backend.invalidate(prefix=TENANT + "cards:2")) == [TENANT + "cards:2", TENANT + "cards:21"]
        assert sorted(await backend.invalidate(prefix=TENANT + "car")) == [TENANT + "cards:1", TENANT + "cars:1"]

    async def test_a_prefix_stays_within_its_tenant(
        self, backend: Any, put: Any, make_entry: MakeEntry, make_condition: MakeCondition
    ) -> None:
        await put("a:1")
        await backend.set(make_entry(OTHER + "a:1"), make_condition())
        assert await backend.invalidate(prefix=TENANT + "a") == [TENANT + "a:1"]
        assert (await backend.get(OTHER + "a:1")).entry is not None

    async def test_pattern_characters_in_a_prefix_mean_themselves(self, backend: Any, put: Any) -> None:
        for key in ("a*:1", "ab:1", "a?:1", "a[b]:1"):
            await put(key)
        assert await backend.invalidate(prefix=TENANT + "a*") == [TENANT + "a*:1"]
        assert await backend.invalidate(prefix=TENANT + "a[b]") == [TENANT + "a[b]:1"]

    async def test_a_tag_takes_every_key_that_has_it(self, backend: Any, put: Any) -> None:
        await put("a", tags=(TENANT + "red", TENANT + "big"))
        await put("b", tags=(TENANT + "red",))
        await put("c", tags=(TENANT + "blue",))
        assert sorted(await backend.invalidate(tag=TENANT + "red")) == [TENANT + "a", TENANT + "b"]
        assert await backend.invalidate(tag=TENANT + "red") == []
        assert (await backend.get(TENANT + "c")).entry is not None

    async def test_prefix_and_tag_together_take_both_sets(self, backend: Any, put: Any) -> None:
        await put("a:1", tags=(TENANT + "red",))
        await put("a:2")
        await put("b:1", tags=(TENANT + "red",))
        await put("b:2")
        deleted = await backend.invalidate(prefix=TENANT + "a:", tag=TENANT + "red")
        assert sorted(deleted) == [TENANT + "a:1", TENANT + "a:2", TENANT + "b:1"]

    async def test_a_write_if_absent_does_not_overwrite(
        self, backend: Any, make_entry: MakeEntry, make_condition: MakeCondition, let_pass: LetPass
    ) -> None:
        absent = make_condition(only_if_absent=True)
        assert await backend.set(make_entry(TENANT + "a", b"first", ttl=1.0), absent)
        assert not await backend.set(make_entry(TENANT + "a", b"second"), absent)
        assert (await backend.get(TENANT + "a")).entry.value == b"first"
        await let_pass(1.1)
        assert await backend.set(make_entry(TENANT + "a", b"third"), absent)

    async def test_a_guarded_fill_is_written_when_nothing_happened(
        self, backend: Any, make_entry: MakeEntry, make_condition: MakeCondition
    ) -> None:
        generation = (await backend.get(TENANT + "a")).generation
        assert await backend.set(make_entry(TENANT + "a"), make_condition(generation=generation))

    @pytest.mark.parametrize("how", ["delete", "prefix", "tag", "write"])
    async def test_a_guarded_fill_is_refused_after_an_invalidation(
        self, backend: Any, put: Any, make_entry: MakeEntry, make_condition: MakeCondition, how: str
    ) -> None:
        generation = (await backend.get(TENANT + "a:1")).generation
        match how:
            case "delete":
                await backend.delete([TENANT + "a:1"])
            case "prefix":
                await backend.invalidate(prefix=TENANT + "a:")
            case "tag":
                await backend.invalidate(tag=TENANT + "red")
            case _:
                await put("a:1", b"newer")
        stale = make_entry(TENANT + "a:1", b"stale", tags=(TENANT + "red",))
        assert not await backend.set(stale, make_condition(generation=generation))
        entry = (await backend.get(TENANT + "a:1")).entry
        assert entry is None or entry.value == b"newer"

    async def test_of_two_guarded_fills_the_second_is_refused(
        self, backend: Any, make_entry: MakeEntry, make_condition: MakeCondition
    ) -> None:
        guarded = make_condition(generation=(await backend.get(TENANT + "a")).generation)
        assert await backend.set(make_entry(TENANT + "a", b"first"), guarded)
        assert not await backend.set(make_entry(TENANT + "a", b"second"), guarded)

    async def test_a_generation_from_nowhere_is_refused(
        self, backend: Any, make_entry: MakeEntry, make_condition: MakeCondition
    ) -> None:
        assert not await backend.set(make_entry(TENANT + "a"), make_condition(generation=1))

    async def test_a_generation_read_after_the_invalidation_is_good(
        self, backend: Any, put: Any, make_entry: MakeEntry, make_condition: MakeCondition
    ) -> None:
        await put("a")
        await backend.delete([TENANT + "a"])
        generation = (await backend.get(TENANT + "a")).generation
        assert await backend.set(make_entry(TENANT + "a", b"fresh"), make_condition(generation=generation))
