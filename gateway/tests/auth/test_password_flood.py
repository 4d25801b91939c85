"""A flood of wrong passwords delays a right one from elsewhere by one turn."""

import asyncio

from gateway.auth.password import Passwords


async def test_a_right_password_does_not_wait_behind_a_flood_of_wrong_ones_from_elsewhere():
    passwords = Passwords(parallel=1)
    stored = await passwords.hash("right horse battery")
    ends = []

    async def attempt(password, place):
        found = await passwords.find_match(password, [stored], subject=place, preferred=False)
        ends.append((place, found is not None))

    flood = [asyncio.create_task(attempt(f"wrong {number}", "203.0.113.7")) for number in range(8)]
    await asyncio.sleep(0)
    await asyncio.gather(attempt("right horse battery", "home"), *flood)
    assert ends.index(("home", True)) <= 2


async def test_the_first_flood_of_unknown_names_keeps_a_right_password_waiting_for_one_turn_too():
    passwords = Passwords(parallel=1)
    stored = await passwords.hash("right horse battery")
    ends = []

    async def attempt(password, place, known):
        found = await passwords.find_match(password, known, subject=place, preferred=False)
        ends.append((place, found is not None))

    flood = [asyncio.create_task(attempt(f"wrong {number}", "203.0.113.7", [])) for number in range(8)]
    await asyncio.sleep(0)
    await asyncio.gather(attempt("right horse battery", "home", [stored]), *flood)
    assert ends.index(("home", True)) <= 2
    assert len(ends) == 9
