"""Who may try again under an idempotency key whose gateway died in between: anybody, two minutes later."""

from typing import Any

import pytest

from gateway.auth.kept_answers import KeptAnswer, KeptAnswers


def kept_answers(house: Any, hours: float = 24) -> KeptAnswers:
    return KeptAnswers(house.database, clock=house.clock, hours=hours, close=lambda text: text, open=lambda text: text)


@pytest.mark.parametrize(("seconds", "free"), [(119, False), (121, True)])
async def test_a_claim_whose_gateway_died_is_anybodys_after_two_minutes(house: Any, seconds: float, free: bool) -> None:
    answers = kept_answers(house)
    first = await answers.claim("name", "f")
    house.clock.advance(seconds)
    again = await answers.claim("name", "f")
    assert bool(first.owner) is True
    assert bool(again.owner) is free


async def test_who_took_a_claim_over_keeps_the_answer_and_the_late_one_does_not(house: Any) -> None:
    answers = kept_answers(house)
    dead = await answers.claim("name", "f")
    house.clock.advance(121)
    heir = await answers.claim("name", "f")
    await answers.keep("name", dead, KeptAnswer(status=201, body=b"late"))
    assert (await answers.claim("name", "f")).answer is None
    await answers.keep("name", heir, KeptAnswer(status=201, body=b"made"))
    assert (await answers.claim("name", "f")).answer == KeptAnswer(status=201, body=b"made")


@pytest.mark.parametrize(("hours", "known"), [(1.99, True), (2.01, False)])
async def test_an_answer_is_given_again_for_its_hours(house: Any, hours: float, known: bool) -> None:
    answers = kept_answers(house, hours=2)
    await answers.keep("name", await answers.claim("name", "f"), KeptAnswer(status=201, body=b"made"))
    house.clock.advance(hours * 3600)
    assert ((await answers.claim("name", "f")).answer is not None) is known


async def test_answers_that_have_had_their_hours_are_deleted_and_no_younger_ones(house: Any) -> None:
    answers = kept_answers(house, hours=2)
    for name in ("old", "young"):
        await answers.keep(name, await answers.claim(name, "f"), KeptAnswer(status=201, body=b"made"))
        house.clock.advance(3601)
    await answers.claim("another", "f")
    async with house.database.read() as connection:
        kept = (await connection.exec_driver_sql("SELECT name FROM gateway_kept_answers ORDER BY name")).scalars().all()
    assert kept == ["another", "young"]
