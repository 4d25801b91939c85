"""The first start, by one gateway or by several at once, and a new password for who lost it."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.admin_files import AdminFiles
from gateway.auth.admin_reset import reset_admin
from gateway.auth.bootstrap import ADMIN, FirstAdmin, build_admin, build_key, ensure_admin
from gateway.auth.delegation import Delegation
from gateway.auth.password import Passwords
from gateway.auth.scope import ADMIN_SCOPES
from gateway.auth.secret import digest, key_prefix, new_key
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.users import UserService
from gateway.main import MIGRATIONS
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database
from penstock_kit.errors import InvalidArgument, NotFound, PermissionDenied
from penstock_kit.home import ensure_home
from penstock_testkit.databases import lay_out

CLOCK = SystemClock()
PASSWORDS = Passwords()


@pytest.fixture
async def stores(url: str) -> AsyncIterator[list[SqlIdentityStore]]:
    """The same empty database, as two gateways have it open."""
    await lay_out(url, MIGRATIONS)
    databases = [open_database(url, readers=1) for _ in range(2)]
    yield [SqlIdentityStore(database) for database in databases]
    for database in databases:
        await database.close()


async def start(store: SqlIdentityStore, home: Path, *, chosen: FirstAdmin | None = None, shared: bool = True) -> bool:
    ensure_home(home)
    chosen = chosen or FirstAdmin()
    return await ensure_admin(store=store, passwords=PASSWORDS, clock=CLOCK, home=home, chosen=chosen, shared=shared)


async def counts(store: SqlIdentityStore, home: Path) -> bool:
    """Whether the files of a home are those of the administrator."""
    user = await store.user_by_name(ADMIN)
    assert user is not None
    text = (home / "admin.key").read_text().strip()
    key = await store.key_by_prefix(key_prefix(text))
    password = (home / "admin.password").read_text().strip()
    return key is not None and key.digest == digest(text) and await PASSWORDS.verify(password, user.password_hash)


async def test_two_gateways_at_once_make_one_administrator_and_the_others_files_say_so(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    made = await asyncio.gather(*(start(store, home) for store, home in zip(stores, homes, strict=True)))
    assert sorted(made) == [False, True]
    assert await stores[0].count_users() == 1
    winner, loser = homes if made[0] else homes[::-1]
    assert await counts(stores[0], winner)
    for name in ("admin.key", "admin.password"):
        assert "made by another gateway" in (loser / name).read_text()
        assert stat.S_IMODE((loser / name).stat().st_mode) == 0o600
    assert AdminFiles(loser).key() == ""
    for home in homes:
        assert {path.name for path in home.iterdir()} == {"admin.key", "admin.password"}


async def test_two_gateways_in_one_home_leave_the_files_that_count(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert sorted(await asyncio.gather(*(start(store, home) for store in stores))) == [False, True]
    assert await counts(stores[0], home)
    assert {path.name for path in home.iterdir() if path.is_file()} == {"admin.key", "admin.password"}


async def test_what_both_were_told_to_choose_stands_in_the_files_of_both(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    chosen = FirstAdmin(password="correct-horse-battery", key=f"psk_{'0123456789ab'}_{'x' * 43}")
    homes = [tmp_path / "one", tmp_path / "two"]
    starts = [start(store, home, chosen=chosen) for store, home in zip(stores, homes, strict=True)]
    assert sorted(await asyncio.gather(*starts)) == [False, True]
    assert [await counts(stores[0], home) for home in homes] == [True, True]


async def test_a_gateway_that_joins_later_says_where_the_administrator_was_made(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    assert await start(stores[0], tmp_path / "one")
    assert not await start(stores[1], tmp_path / "two")
    assert "made by another gateway" in (tmp_path / "two" / "admin.key").read_text()
    assert await counts(stores[0], tmp_path / "one")


async def test_files_that_were_deleted_do_not_come_back_where_the_database_is_the_homes_own(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert await start(stores[0], home, shared=False)
    for name in ("admin.key", "admin.password"):
        (home / name).unlink()
    assert not await start(stores[0], home, shared=False)
    assert list(home.iterdir()) == []


async def test_files_of_another_database_are_replaced_when_another_gateway_wins(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
        AdminFiles(home).write(password="of another database", key=new_key().text)
    made = await asyncio.gather(*(start(store, home) for store, home in zip(stores, homes, strict=True)))
    winner, loser = homes if made[0] else homes[::-1]
    assert await counts(stores[0], winner)
    assert "made by another gateway" in (loser / "admin.password").read_text()


async def test_a_start_after_a_crash_finishes_the_files(stores: list[SqlIdentityStore], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    key = new_key()
    user = build_admin(await PASSWORDS.hash("chosen before the crash"), CLOCK)
    AdminFiles(home).draft(user.id, password="chosen before the crash", key=key.text)
    assert await stores[0].add_administrator(user, build_key(user, key, CLOCK))
    assert not await start(stores[0], home)
    assert await counts(stores[0], home)
    assert {path.name for path in home.iterdir()} == {"admin.key", "admin.password"}


async def test_a_reset_replaces_password_and_key_and_leaves_other_keys(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    store, home = stores[0], tmp_path / "home"
    await start(store, home)
    lost = AdminFiles(home).key()
    user = await store.user_by_name(ADMIN)
    assert user is not None
    own = new_key()
    await store.add_key(replace(build_key(user, own, CLOCK), name="laptop"))
    old = (home / "admin.password").read_text()
    assert await reset_admin(store=store, passwords=PASSWORDS, clock=CLOCK, home=home) == 1
    assert await counts(store, home)
    assert (home / "admin.password").read_text() != old
    assert await store.key_by_prefix(key_prefix(lost)) is None
    assert await store.key_by_prefix(own.prefix) is not None


async def test_a_reset_makes_a_deleted_administrator_anew_but_no_other_user(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    store, home = stores[0], tmp_path / "home"
    await start(store, home)
    user = await store.user_by_name(ADMIN)
    assert user is not None
    assert await store.delete_user(user.tenant_id, user.id)
    with pytest.raises(NotFound, match="no user 'nobody'"):
        await reset_admin(store=store, passwords=PASSWORDS, clock=CLOCK, home=home, username="nobody")
    await reset_admin(store=store, passwords=PASSWORDS, clock=CLOCK, home=home)
    assert await counts(store, home)


async def test_a_reset_names_the_tenant_of_a_user_whose_name_is_in_several(
    stores: list[SqlIdentityStore], tmp_path: Path
) -> None:
    home = ensure_home(tmp_path / "home")
    ann = replace(build_admin("", CLOCK), username="ann")
    for tenant in ("acme", "other"):
        assert await stores[0].add_user(replace(ann, id=f"user_{tenant}", tenant_id=tenant))
    with pytest.raises(InvalidArgument, match="acme/ann, other/ann") as caught:
        await reset_admin(store=stores[0], passwords=PASSWORDS, clock=CLOCK, home=home, username="ann")
    assert caught.value.reason == "USER_INVALID"
    await reset_admin(store=stores[0], passwords=PASSWORDS, clock=CLOCK, home=home, username="other/ann")
    changed = await stores[0].user("user_other")
    left = await stores[0].user("user_acme")
    assert changed is not None
    assert left is not None
    assert (bool(changed.password_hash), left.password_hash) == (True, "")


async def test_the_file_of_a_password_that_is_changed_says_so_and_that_of_another_stays(
    house: Any, tmp_path: Path
) -> None:
    old, new, other = "right horse battery", "left mule accumulator", "a password of somebody else"
    admin = await house.user("admin", ADMIN_SCOPES, password_hash=await PASSWORDS.hash(old))
    users = UserService(
        store=house.store, passwords=PASSWORDS, authenticator=house.authenticator, clock=CLOCK,
        delegation=Delegation(store=house.store, limits=house.limits), files=AdminFiles(tmp_path),
    )  # fmt: skip
    file = tmp_path / "admin.password"
    await users.change_password(admin, current=old, new=new)  # without a file none is made
    assert not file.exists()
    file.write_text(f"{other}\n")
    await users.change_password(admin, current=new, new=old)
    assert file.read_text() == f"{other}\n"
    file.write_text(f"{old}\n")
    with pytest.raises(PermissionDenied):
        await users.change_password(admin, current=new, new=other)
    assert file.read_text() == f"{old}\n"
    await users.change_password(admin, current=old, new=new)
    assert "was changed" in file.read_text()
    assert "penstock admin reset" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
