"""What every SemanticStore must do. A subclass gives the fixtures `store`, `make_entry` and `let_pass`."""

# The names of the tests are their documentation.
# ruff: noqa: D102

from collections.abc import Awaitable, Callable
from typing import Any

LetPass = Callable[[float], Awaitable[None]]


async def ids_of(store: Any, tenant: str, partition: str, after: int = 0) -> list[str]:
    """Return the ids that a partition has after a sequence."""
    return [each.id for each in await store.list_after(tenant, partition, after, 100)]


class SemanticStoreContract:
    """Subclass it as ``TestXSemanticStore``; `make_entry` is called with an id and what else matters.

    The limits of the store are 4 entries of a partition, 6 of a tenant and 3 partitions of a tenant.
    """

    async def test_an_entry_is_read_back_whole(self, store: Any, make_entry: Any) -> None:
        entry = make_entry("e1", question="Wie heiß? 多少度？")
        assert await store.put(entry, 60.0) == 0
        assert list(await store.read(["e1", "e2"])) == [entry, None]

    async def test_what_was_stored_is_listed_in_order_with_its_vector(self, store: Any, make_entry: Any) -> None:
        for name in ("e1", "e2", "e3"):
            await store.put(make_entry(name), 60.0)
        added = await store.list_after("t", "p", 0, 100)
        assert [each.id for each in added] == ["e1", "e2", "e3"]
        assert [each.vector for each in added] == [make_entry(each.id).vector for each in added]
        assert [each.sequence for each in added] == sorted({each.sequence for each in added})

    async def test_a_reader_goes_on_from_where_it_was(self, store: Any, make_entry: Any) -> None:
        await store.put(make_entry("e1"), 60.0)
        cursor = (await store.list_after("t", "p", 0, 100))[-1].sequence
        assert await ids_of(store, "t", "p", cursor) == []
        await store.put(make_entry("e2"), 60.0)
        assert "e2" in await ids_of(store, "t", "p", cursor)

    async def test_a_reader_gets_all_in_small_parts(self, store: Any, make_entry: Any) -> None:
        for name in ("e1", "e2", "e3"):
            await store.put(make_entry(name), 60.0)
        cursor, found = 0, set[str]()
        while part := await store.list_after("t", "p", cursor, 2):
            found |= {each.id for each in part}
            if part[-1].sequence == cursor:
                break
            cursor = max(cursor, part[-1].sequence)
        assert found == {"e1", "e2", "e3"}

    async def test_an_entry_ends_with_its_life(self, store: Any, make_entry: Any, let_pass: LetPass) -> None:
        await store.put(make_entry("e1", ttl=10.0), 10.0)
        await store.put(make_entry("e2", ttl=60.0), 60.0)
        await let_pass(11.0)
        assert [each and each.id for each in await store.read(["e1", "e2"])] == [None, "e2"]
        assert "e1" not in [each.id for each in await store.list_after("t", "p", 0, 100) if each.vector == b""]

    async def test_a_partition_is_no_others_and_no_other_tenants(self, store: Any, make_entry: Any) -> None:
        await store.put(make_entry("e1"), 60.0)
        assert await ids_of(store, "t", "other") == []
        assert await store.delete("other", ["e1"]) == 0
        assert await store.delete_questions("other", "") == 0
        assert await ids_of(store, "t", "p") == ["e1"]

    async def test_deleted_entries_are_gone(self, store: Any, make_entry: Any) -> None:
        await store.put(make_entry("e1"), 60.0)
        assert await store.delete("t", ["e1", "e2"]) == 1
        assert list(await store.read(["e1"])) == [None]
        assert await ids_of(store, "t", "p") == []

    async def test_questions_are_deleted_by_how_they_begin_whatever_their_case(
        self, store: Any, make_entry: Any
    ) -> None:
        await store.put(make_entry("e1", question="How do I open it?"), 60.0)
        await store.put(make_entry("e2", question="HOW does it close?", partition="q"), 60.0)
        await store.put(make_entry("e3", question="Why?"), 60.0)
        await store.put(make_entry("e4", question="How?", tenant="other"), 60.0)
        assert await store.delete_questions("t", "how do") == 2
        assert [each and each.id for each in await store.read(["e1", "e2", "e3", "e4"])] == [None, None, "e3", "e4"]

    async def test_without_a_beginning_all_of_the_tenants_are_deleted(self, store: Any, make_entry: Any) -> None:
        await store.put(make_entry("e1"), 60.0)
        await store.put(make_entry("e2", partition="q"), 60.0)
        await store.put(make_entry("e3", tenant="other"), 60.0)
        assert await store.delete_questions("t", "") == 2
        assert [each and each.id for each in await store.read(["e1", "e2", "e3"])] == [None, None, "e3"]

    async def test_a_full_partition_loses_its_oldest(self, store: Any, make_entry: Any) -> None:
        evicted = [await store.put(make_entry(f"e{number}"), 60.0) for number in range(5)]
        assert evicted == [0, 0, 0, 0, 1]
        assert await ids_of(store, "t", "p") == ["e1", "e2", "e3", "e4"]

    async def test_a_full_tenant_loses_its_oldest_and_another_none(self, store: Any, make_entry: Any) -> None:
        await store.put(make_entry("o", tenant="other"), 60.0)
        for number in range(8):
            await store.put(make_entry(f"e{number}", partition=f"p{number % 2}"), 60.0)
        left = [each for each in await store.read([f"e{number}" for number in range(8)]) if each is not None]
        assert [each.id for each in left] == ["e2", "e3", "e4", "e5", "e6", "e7"]
        assert (await store.read(["o"]))[0] is not None

    async def test_a_tenant_with_too_many_partitions_loses_the_one_stored_into_least_recently(
        self, store: Any, make_entry: Any
    ) -> None:
        for name, partition in (("a", "p0"), ("b", "p1"), ("c", "p2"), ("d", "p0"), ("e", "p3")):
            await store.put(make_entry(name, partition=partition), 60.0)
        left = [each.id for each in await store.read(["a", "b", "c", "d", "e"]) if each is not None]
        assert left == ["a", "c", "d", "e"]
