"""An Idempotency-Key on what creates something: one thing for one key of one caller."""

import asyncio
from typing import Any

import pytest

from gateway.alerts.secret_box import SecretBox
from gateway.auth.kept_answers import Claim, KeptAnswer, KeptAnswers
from penstock_kit.errors import FailedPrecondition, Unprocessable

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALARM = {"name": "hot", "watch": "above", "device_codes": ["WLD001"], "field": "a", "limit": 80}
HOOK = {"name": "hook", "kind": "webhook", "url": "https://hooks.test/x", "secret": "s3cret"}
PASSWORD = "a-long-enough-Passw0rd"
CREATED: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/alarms", ALARM),
    ("/api/v1/channels", HOOK),
    ("/api/v1/keys", {"name": "ci"}),
    ("/api/v1/users", {"username": "once.eve", "password": PASSWORD}),
]


async def post(gateway: Any, path: str, body: Any, key: str, credential: str = "") -> Any:
    headers = {**gateway.auth(credential), "Idempotency-Key": key}
    return await gateway.client.post(path, headers=headers, json=body)


async def member(gateway: Any, name: str, **more: Any) -> str:
    who = {"username": name, "password": PASSWORD}
    made = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json={**who, **more})
    assert made.status_code == 201
    return (await gateway.client.post("/api/v2/auth/login", json=who)).json()["data"]["access_token"]


@pytest.mark.parametrize(("path", "body"), CREATED)
async def test_the_same_key_and_request_create_one_thing_and_answer_the_same(
    gateway: Any, path: str, body: dict[str, Any]
) -> None:
    first, second = [await post(gateway, path, body, f"one {path}") for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["content-type"] == first.headers["content-type"]
    name = "username" if "username" in body else "name"
    other = await post(gateway, path, {**body, name: "other"}, f"one {path}")
    assert (other.status_code, other.json()["reason"]) == (422, "IDEMPOTENCY_KEY_CONFLICT")


async def test_an_answer_that_is_given_again_is_no_second_act_in_the_audit_log(gateway: Any) -> None:
    first, second = [await post(gateway, "/api/v1/keys", {"name": "written-once"}, "audited") for _ in range(2)]
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    entries = (await gateway.client.get("/api/v1/audit", headers=gateway.auth())).json()["entries"]
    assert [entry["action"] for entry in entries if first.json()["id"] in str(entry)] == ["key.create"]


async def test_twenty_at_one_moment_create_one_thing(gateway: Any) -> None:
    answers = await asyncio.gather(*(post(gateway, "/api/v1/alarms", ALARM, "twenty") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_the_same_key_of_another_tenant_or_user_or_api_key_is_another_one(gateway: Any) -> None:
    ada = await member(gateway, "once.ada")
    bob = await member(gateway, "once.bob")
    far = await member(gateway, "once.far", tenant_id="once-far")
    narrow = (await post(gateway, "/api/v1/keys", {"name": "n"}, "narrow", ada)).json()["key"]
    answers = [await post(gateway, "/api/v1/alarms", ALARM, "shared", who) for who in (ada, bob, far, narrow, ada)]
    ids = [answer.json()["id"] for answer in answers]
    assert ids[0] == ids[4]
    assert len(set(ids)) == 4


async def test_what_failed_is_tried_again_under_its_key(gateway: Any) -> None:
    missing = {**ALARM, "channel_ids": ["chan_none"]}
    refused = [await post(gateway, "/api/v1/alarms", missing, "fails") for _ in range(2)]
    assert {answer.json()["reason"] for answer in refused} == {"CHANNEL_NOT_FOUND"}
    assert (await post(gateway, "/api/v1/alarms", ALARM, "fails")).status_code == 201


@pytest.fixture
def answers(house: Any) -> KeptAnswers:
    def turned(text: str) -> str:
        return text[::-1]

    return KeptAnswers(house.database, clock=house.clock, hours=24, close=turned, open=turned)


async def test_an_answer_is_kept_closed_for_its_hours(house: Any, answers: KeptAnswers) -> None:
    claim = await answers.claim("n", "f")
    assert claim.owner
    assert (await answers.claim("n", "f")).owner == ""
    await answers.keep("n", claim, KeptAnswer(status=201, body=b"secret"))
    async with house.database.read() as connection:
        kept = (await connection.exec_driver_sql("SELECT body FROM gateway_kept_answers")).scalar_one()
    assert kept == "terces"
    house.clock.advance(86_399)
    assert (await answers.claim("n", "f")).answer == KeptAnswer(status=201, body=b"secret")
    with pytest.raises(Unprocessable):
        await answers.claim("n", "g")
    house.clock.advance(2)
    assert (await answers.claim("n", "g")).owner


async def test_an_answer_that_was_kept_under_a_lost_secret_says_so_and_is_not_made_again(house: Any) -> None:
    def kept_under(secret: str) -> KeptAnswers:
        box = SecretBox((secret,))
        return KeptAnswers(house.database, clock=house.clock, hours=24, close=box.close, open=box.open)

    before, after = kept_under("first" * 8), kept_under("second" * 8)
    await before.keep("n", await before.claim("n", "f"), KeptAnswer(status=201, body=b"secret"))
    for _ in range(2):
        with pytest.raises(FailedPrecondition, match="its answer was kept under a JWT_SECRET") as refused:
            await after.claim("n", "f")
        assert refused.value.reason == "IDEMPOTENCY_ANSWER_UNAVAILABLE"
    assert (await before.claim("n", "f")).answer == KeptAnswer(status=201, body=b"secret")


async def test_who_waits_for_an_answer_writes_nothing_and_looks_ever_more_seldom(house: Any) -> None:
    def gateway_with(sleep: Any) -> KeptAnswers:
        return KeptAnswers(house.database, clock=house.clock, hours=24, close=str, open=str, sleep=sleep)

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            await maker.keep("n", mine, KeptAnswer(status=201, body=b"made"))

    maker, waiter = gateway_with(asyncio.sleep), gateway_with(sleep)
    mine = await maker.settled("n", "f")
    async with house.database.write():  # who writes now waits for ever
        assert await waiter.claim("n", "f") == Claim()
    assert (await waiter.settled("n", "f")).answer == KeptAnswer(status=201, body=b"made")
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


async def test_who_waits_where_the_answer_is_made_is_woken_by_it_and_never_looks_meanwhile(house: Any) -> None:
    async def sleep(seconds: float) -> None:
        raise AssertionError(f"a pause of {seconds} s")

    answers = KeptAnswers(house.database, clock=house.clock, hours=24, close=str, open=str, sleep=sleep)
    waiting = {asyncio.create_task(answers.settled("n", "f")) for _ in range(4)}
    (first,), waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    with pytest.raises(Unprocessable):
        await answers.settled("n", "g")
    house.clock.advance(600)  # longer than a claim whose maker died: this one lives
    waiting.add(asyncio.create_task(answers.settled("n", "f")))
    await asyncio.sleep(0)
    await answers.keep("n", first.result(), KeptAnswer(status=201, body=b"made"))
    answers.end("n")
    found = await asyncio.gather(*waiting)
    assert [claim.answer for claim in found] == [KeptAnswer(status=201, body=b"made")] * 4


async def test_when_the_maker_failed_one_of_those_who_wait_makes_it_anew(house: Any, answers: KeptAnswers) -> None:
    mine = await answers.settled("n", "f")
    waiting = [asyncio.create_task(answers.settled("n", "f")) for _ in range(3)]
    await asyncio.sleep(0)
    await answers.release("n", mine)
    answers.end("n")
    (heir,), _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    claim = heir.result()
    assert claim.owner
    await answers.keep("n", claim, KeptAnswer(status=201, body=b"made"))
    answers.end("n")
    found = await asyncio.gather(*waiting)
    assert [each.answer for each in found].count(KeptAnswer(status=201, body=b"made")) == 2


async def test_a_claim_whose_maker_died_is_taken_over_and_what_it_makes_late_counts_no_more(
    house: Any, answers: KeptAnswers
) -> None:
    dead = await answers.claim("n", "f")
    house.clock.advance(119)
    assert (await answers.claim("n", "f")).owner == ""
    house.clock.advance(2)
    heir = await answers.claim("n", "f")
    assert heir.owner not in {"", dead.owner}
    await answers.keep("n", dead, KeptAnswer(status=201, body=b"late"))
    await answers.release("n", dead)
    assert (await answers.claim("n", "f")).answer is None
    await answers.keep("n", heir, KeptAnswer(status=201, body=b"made"))
    assert (await answers.claim("n", "f")).answer == KeptAnswer(status=201, body=b"made")
