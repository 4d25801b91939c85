import asyncio

import pytest

from penstock_testkit.waiting import assert_within, bound, until, until_true


async def test_until_returns_once_the_condition_holds() -> None:
    happened = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, happened.set)
    assert await until(happened.is_set) > 0


async def test_until_true_awaits_its_condition() -> None:
    answers = iter([False, False, True])

    async def asked() -> bool:
        return next(answers)

    assert await until_true(asked) > 0


async def test_a_condition_that_never_holds_ends_the_wait() -> None:
    with pytest.raises(TimeoutError):
        await until(lambda: False, seconds=0.02)


def test_a_figure_is_held_to_the_letter_where_times_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_EXACT_TIMES", "1")
    assert_within(2.9, 3)
    with pytest.raises(AssertionError, match=r"took 3\.100 s, 3 s are promised"):
        assert_within(3.1, 3)


def test_a_figure_has_room_on_a_machine_with_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_EXACT_TIMES", raising=False)
    assert_within(3.1, 3)
    with pytest.raises(AssertionError):
        assert_within(bound(3) + 0.1, 3)
