"""Who still gets in while the store of identities is away, or changes while it is asked."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.auth.authenticator import Authenticator
from gateway.auth.identity import ApiKey, User
from gateway.auth.revalidation import revalidate
from gateway.auth.scope import ALL_SCOPES
from gateway.auth.secret import NewKey, new_key
from gateway.auth.token import AccessTokens
from gateway.workers.generation import Generation
from penstock_kit.errors import Unauthenticated, Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS


class Store:
    """One user and her keys; `fault` makes it fail, or not answer at all."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._keys: dict[str, ApiKey] = {}
        self.fault = ""
        self.found = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    def add(self, *, expire_time: datetime | None = None) -> NewKey:
        """Return a new key of hers."""
        made = new_key()
        self._keys[made.prefix] = ApiKey(
            id=f"key_{len(self._keys)}", tenant_id="default", user_id="user_ada", name="k", prefix=made.prefix,
            digest=made.digest, scopes=ALL_SCOPES, create_time=self._clock.now(), expire_time=expire_time,
        )  # fmt: skip
        return made

    def remove(self, key: NewKey) -> None:
        """Delete a key, as another replica would."""
        del self._keys[key.prefix]

    async def key_by_prefix(self, prefix: str) -> ApiKey | None:
        await self._answering()
        key = self._keys.get(prefix)
        self.found.set()
        await self.answers.wait()
        return key

    async def user(self, user_id: str) -> User | None:
        await self._answering()
        return User(
            id=user_id, tenant_id="default", username="ada", password_hash="", scopes=ALL_SCOPES,
            active=True, create_time=self._clock.now(),
        )  # fmt: skip

    async def _answering(self) -> None:
        if self.fault == "hangs":
            await asyncio.Event().wait()
        if self.fault:
            raise Unavailable("the database cannot be used", reason="STORAGE_UNAVAILABLE")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def store(clock: ManualClock) -> Store:
    return Store(clock)


@pytest.fixture
def authenticator(clock: ManualClock, store: Store) -> Authenticator:
    untyped: Any = store
    tokens = AccessTokens(secrets=("a-secret-of-more-than-thirty-two-bytes!!",), lifetime=timedelta(1), clock=clock)
    return Authenticator(store=untyped, tokens=tokens, clock=clock, remember=10, outage=100)


@pytest.mark.parametrize("fault", ["gone", "hangs"])
async def test_those_who_were_recognised_lately_go_on(
    authenticator: Authenticator, store: Store, clock: ManualClock, fault: str
) -> None:
    key = store.add()
    caller = await authenticator.recognise(key.text)
    store.fault = fault
    for _ in range(9):
        clock.advance(11)
        assert await authenticator.recognise(key.text) == caller
    store.fault = ""
    clock.advance(11)
    assert await authenticator.recognise(key.text) == caller


async def test_each_outage_is_one_line_of_the_log(
    authenticator: Authenticator, store: Store, clock: ManualClock
) -> None:
    key = store.add()
    await authenticator.recognise(key.text)
    lines: list[int] = []
    for fault in ("gone", "gone", "", "gone", "gone"):
        store.fault = fault
        clock.advance(11)
        with capture_logs() as logged:
            await authenticator.recognise(key.text)
        lines.append(len([each for each in logged if each["event"] == "callers are recognised from memory"]))
    assert lines == [1, 0, 0, 1, 0]


async def test_nobody_goes_on_for_ever(authenticator: Authenticator, store: Store, clock: ManualClock) -> None:
    key = store.add()
    await authenticator.recognise(key.text)
    store.fault = "gone"
    clock.advance(100)
    with pytest.raises(Unavailable):
        await authenticator.recognise(key.text)


async def test_strangers_wait_for_the_store(authenticator: Authenticator, store: Store) -> None:
    key = store.add()
    store.fault = "gone"
    with pytest.raises(Unavailable):
        await authenticator.recognise(key.text)


async def test_an_expired_key_does_not_outlive_its_time(
    authenticator: Authenticator, store: Store, clock: ManualClock
) -> None:
    key = store.add(expire_time=clock.now() + timedelta(seconds=50))
    await authenticator.recognise(key.text)
    store.fault = "gone"
    clock.advance(49)
    await authenticator.recognise(key.text)
    clock.advance(1)
    with pytest.raises(Unavailable):
        await authenticator.recognise(key.text)


async def test_a_key_deleted_elsewhere_stops_counting_when_the_store_is_back(
    authenticator: Authenticator, store: Store, clock: ManualClock
) -> None:
    key = store.add()
    await authenticator.recognise(key.text)
    store.fault = "gone"
    clock.advance(11)
    await authenticator.recognise(key.text)
    store.remove(key)
    store.fault = ""
    clock.advance(5)
    with pytest.raises(Unauthenticated):
        await authenticator.recognise(key.text)


async def test_a_key_deleted_while_it_is_looked_up_is_not_remembered(
    authenticator: Authenticator, store: Store
) -> None:
    key = store.add()
    store.answers.clear()
    async with asyncio.TaskGroup() as tasks:
        crossing = tasks.create_task(authenticator.recognise(key.text))
        await asyncio.wait_for(store.found.wait(), HANG_SECONDS)
        store.remove(key)
        authenticator.forget()
        store.answers.set()
    assert (await crossing).key_id == "key_0"
    with pytest.raises(Unauthenticated):
        await authenticator.recognise(key.text)


@pytest.mark.parametrize("fault", ["gone", "hangs"])
async def test_whoever_was_refused_since_is_let_in_by_no_outage(
    authenticator: Authenticator, store: Store, clock: ManualClock, fault: str
) -> None:
    key = store.add()
    headers = [(b"x-api-key", key.text.encode())]
    await authenticator.recognise(key.text)
    assert authenticator.remembered_tenant(headers) == "default"
    store.remove(key)
    clock.advance(11)
    with pytest.raises(Unauthenticated):
        await authenticator.recognise(key.text)
    assert authenticator.remembered_tenant(headers) == ""
    store.fault = fault
    with pytest.raises((Unavailable, TimeoutError)):
        async with asyncio.timeout(0.5):
            await authenticator.recognise(key.text)


async def test_what_one_gateway_of_a_machine_changed_is_looked_up_again_by_the_other_at_once(
    clock: ManualClock, store: Store, tmp_path: Path
) -> None:
    untyped: Any = store
    tokens = AccessTokens(secrets=("a-secret-of-more-than-thirty-two-bytes!!",), lifetime=timedelta(1), clock=clock)
    one, other = (
        Authenticator(store=untyped, tokens=tokens, clock=clock, generation=Generation(tmp_path)) for _ in range(2)
    )
    key = store.add()
    for gateway in (one, other):
        assert (await gateway.recognise(key.text)).key_id == "key_0"
    store.remove(key)
    one.forget()
    for gateway in (one, other):
        with pytest.raises(Unauthenticated):
            await gateway.recognise(key.text)


async def test_ten_thousand_callers_are_remembered_and_of_more_the_first_are_forgotten(
    authenticator: Authenticator, store: Store
) -> None:
    keys = [store.add() for _ in range(10_001)]
    for key in keys:
        await authenticator.recognise(key.text)
    known = [authenticator.remembered_tenant([(b"x-api-key", keys[at].text.encode())]) for at in (0, 1, -1)]
    assert known == ["", "default", "default"]


@pytest.mark.parametrize("changes", [{"user_id": "user_bob"}, {"tenant_id": "acme"}], ids=str)
async def test_a_key_that_is_anothers_by_now_revalidates_nobody(
    authenticator: Authenticator, store: Store, clock: ManualClock, changes: dict[str, str]
) -> None:
    made = store.add()
    caller = await authenticator.recognise(made.text)
    key, user = await store.key_by_prefix(made.prefix), await store.user("user_ada")
    assert key is not None
    assert revalidate(caller, user=user, key=key, sessions=(), now=clock.now()) == caller
    changed = replace(key, **changes)  # type: ignore[arg-type]
    assert revalidate(caller, user=user, key=changed, sessions=(), now=clock.now()) is None
