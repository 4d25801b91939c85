"""An Idempotency-Key while the database is away: what was asked is done, and its answer is the one that was made."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request, Response

from gateway.auth.kept_answers import Claim, KeptAnswer, KeptAnswers
from gateway.routes.once import once
from penstock_kit.errors import NotFound, Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

MADE = Response(b'{"id": "made"}', 201)


class Answers(KeptAnswers):
    """Fails at what the test names; `claims` are given one after the other."""

    def __init__(self, *claims: Claim, away: frozenset[str] = frozenset()) -> None:
        nowhere: Any = None
        super().__init__(nowhere, clock=ManualClock(), hours=24, close=str, open=str, sleep=self._pause)
        self.pauses: list[float] = []
        self._claims = list(claims)
        self._away = away
        self.noted: list[tuple[str, Any]] = []

    async def claim(self, name: str, fingerprint: str) -> Claim:
        self._require("claim")
        return self._claims.pop(0)

    async def keep(self, name: str, claim: Claim, answer: KeptAnswer) -> None:
        self._require("keep")
        self.noted.append(("keep", answer))

    async def release(self, name: str, claim: Claim) -> None:
        self._require("release")
        self.noted.append(("release", claim.owner))

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _require(self, act: str) -> None:
        if act in self._away:
            raise Unavailable("the database cannot be used", reason="STORAGE_UNAVAILABLE")


async def ask(answers: Answers, endpoint: Any) -> Response:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    app = SimpleNamespace(state=SimpleNamespace(kept_answers=answers))
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [],
        "app": app,
    }
    return await once(endpoint)(http_request=Request(scope, receive), idempotency_key="k")


async def make() -> Response:
    return MADE


async def refuse() -> Response:
    return Response(b"{}", 300)


async def fail() -> Response:
    raise NotFound("there is no channel", reason="CHANNEL_NOT_FOUND")


async def test_a_request_whose_key_cannot_be_claimed_is_carried_out() -> None:
    answers = Answers(away=frozenset({"claim"}))
    assert await ask(answers, make) is MADE
    assert answers.noted == []


async def test_what_was_made_is_answered_where_it_cannot_be_kept() -> None:
    assert await ask(Answers(Claim(owner="me"), away=frozenset({"keep"})), make) is MADE


@pytest.mark.parametrize("away", [frozenset[str](), frozenset({"release"})], ids=["there", "away"])
async def test_what_failed_gives_its_claim_back_and_fails_as_it_did(away: frozenset[str]) -> None:
    answers = Answers(Claim(owner="me"), Claim(owner="me"), away=away)
    with pytest.raises(NotFound):
        await ask(answers, fail)
    assert (await ask(answers, refuse)).status_code == 300
    assert answers.noted == ([] if away else [("release", "me")] * 2)


async def test_who_waits_for_anothers_answer_gets_it_and_makes_nothing() -> None:
    kept = KeptAnswer(status=201, body=b"theirs")
    answers = Answers(Claim(), Claim(), Claim(answer=kept))
    async with asyncio.timeout(HANG_SECONDS):
        answer = await ask(answers, fail)
    assert (answer.status_code, answer.body, answer.headers["idempotent-replayed"]) == (201, b"theirs", "true")
    assert answers.pauses == [0.05, 0.1]
    assert answer.headers["content-type"] == "application/json"
