"""What every SessionStore must do. A subclass gives the fixtures `store`, `make_session` and `let_pass`."""

# The names of the tests are their documentation.
# ruff: noqa: D102

from collections.abc import Awaitable, Callable
from typing import Any

LetPass = Callable[[float], Awaitable[None]]


class SessionStoreContract:
    """Subclass it as ``TestXSessionStore``; `make_session` is called with `id` and `data`."""

    async def test_a_session_is_read_back_whole(self, store: Any, make_session: Any) -> None:
        session = make_session(id="s1", data={"a": b"\x00\xff", "ü": b""})
        await store.put("t\0s1", session, 60.0)
        assert await store.get("t\0s1") == session

    async def test_it_ends_with_its_life(self, store: Any, make_session: Any, let_pass: LetPass) -> None:
        await store.put("t\0s1", make_session(id="s1", data={}), 10.0)
        await let_pass(11.0)
        assert await store.get("t\0s1") is None

    async def test_a_later_put_replaces_data_and_life(self, store: Any, make_session: Any, let_pass: LetPass) -> None:
        await store.put("t\0s1", make_session(id="s1", data={"a": b"1"}), 10.0)
        await store.put("t\0s1", make_session(id="s1", data={"b": b"2"}), 60.0)
        await let_pass(11.0)
        assert (await store.get("t\0s1")).data == {"b": b"2"}

    async def test_a_deleted_session_is_gone(self, store: Any, make_session: Any) -> None:
        await store.put("t\0s1", make_session(id="s1", data={}), 60.0)
        assert await store.delete("t\0s1")
        assert await store.get("t\0s1") is None
        assert not await store.delete("t\0s1")

    async def test_one_tenants_session_is_not_anothers(self, store: Any, make_session: Any) -> None:
        await store.put("t\0s1", make_session(id="s1", data={}), 60.0)
        assert await store.get("other\0s1") is None

    async def test_a_deleted_session_is_not_put_again(self, store: Any, make_session: Any) -> None:
        session = make_session(id="s1", data={})
        assert await store.put("t\0s1", session, 60.0)
        await store.delete("t\0s1")
        assert not await store.put("t\0s1", session, 60.0)
        assert await store.get("t\0s1") is None
        assert await store.extend("t\0s1", 60.0) is None

    async def test_extending_changes_the_life_alone(self, store: Any, make_session: Any, let_pass: LetPass) -> None:
        await store.put("t\0s1", make_session(id="s1", data={"a": b"1"}), 10.0)
        await store.put("t\0s1", make_session(id="s1", data={"b": b"2"}), 10.0)
        assert (await store.extend("t\0s1", 60.0)).data == {"b": b"2"}
        await let_pass(11.0)
        assert (await store.get("t\0s1")).data == {"b": b"2"}

    async def test_what_is_not_there_is_not_extended(self, store: Any) -> None:
        assert await store.extend("t\0s1", 60.0) is None
        assert await store.get("t\0s1") is None
