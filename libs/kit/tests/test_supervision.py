"""Work in the background goes on after a failure nobody foresaw."""

import ast
import asyncio
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from penstock_kit.supervision import supervise
from penstock_testkit.waiting import until

ROOT: Final = Path(__file__).parents[3]


async def test_work_that_fails_is_begun_again_until_it_returns(capsys: pytest.CaptureFixture[str]) -> None:
    lives = 0

    async def work() -> None:
        nonlocal lives
        lives += 1
        if lives <= 3:
            raise OverflowError(f"life {lives}")

    await supervise("counting", work, first_pause=0.001, longest_pause=0.002)
    assert lives == 4
    told = "".join(capsys.readouterr())
    entries = re.findall(
        r'(?:\] +|"event":")background work failed and begins again(?: |",)"?task"?[=:]"?counting', told
    )
    assert len(entries) == 3, "whether as text or as JSON, which another test in this process may have chosen"
    assert all(f"life {number}" in told for number in (1, 2, 3)), "each with what it failed by"


async def test_work_that_is_cancelled_is_not_begun_again() -> None:
    lives = 0

    async def work() -> None:
        nonlocal lives
        lives += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(supervise("waiting", work, first_pause=0.001))
    await until(lambda: lives == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert lives == 1


async def test_work_that_fails_again_and_again_waits_longer_each_time_up_to_a_bound() -> None:
    times: list[float] = []

    async def work() -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) < 7:
            raise OSError

    await supervise("failing", work, first_pause=0.01, longest_pause=0.04)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    for pause, least in zip(pauses, [0.01, 0.02, 0.04, 0.04, 0.04, 0.04], strict=True):
        assert pause >= least * 0.9


@pytest.fixture
async def pauses() -> list[float]:
    """The pauses that are asked of the loop, which makes none."""
    loop: Any = asyncio.get_running_loop()
    real, asked = loop.call_later, list[float]()
    loop.call_later = lambda delay, *work, **more: (asked.append(delay), real(0, *work, **more))[1]
    return asked


def failing(lives: int, *, seconds: float = 0.0) -> Callable[[], Awaitable[None]]:
    """Work that fails so many times, each time after so many seconds at least."""
    left = [lives]

    async def work() -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - nothing else is to run
        left[0] -= 1
        if left[0] >= 0:
            raise OSError

    return work


async def test_the_pauses_double_from_a_second_to_a_minute(pauses: list[float]) -> None:
    await supervise("failing", failing(9))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [5, 10, 10]), (0.02, [5, 5, 5])])
async def test_work_that_lived_longer_than_the_longest_pause_begins_again_after_the_first(
    pauses: list[float], seconds: float, expected: list[float]
) -> None:
    longest = 10 if not seconds else 0.02
    await supervise("failing", failing(3, seconds=seconds), first_pause=5, longest_pause=longest)
    assert pauses == expected


def test_every_task_that_works_for_ever_is_supervised() -> None:
    bare = [f"{path.relative_to(ROOT)}:{line}" for path in sources() for line in unsupervised(path)]
    assert bare == [], "start it through penstock_kit.supervision, else it ends by the first failure nobody foresaw"


def sources() -> Iterator[Path]:
    for package in ("gateway", "llm-service", "chat-stream-service", "feature-service", "cache-service", "libs/kit"):
        yield from sorted((ROOT / package / "src").rglob("*.py"))


def unsupervised(path: Path) -> Iterator[int]:
    """The lines of a module that start a task from a coroutine of it that has no end."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    endless = {node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and is_endless(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("create_task") and node.args:
            started: Any = node.args[0]
            if isinstance(started, ast.Call) and ast.unparse(started.func).rpartition(".")[2] in endless:
                yield node.lineno


def is_endless(function: ast.AsyncFunctionDef) -> bool:
    """Whether a function's last step repeats for ever whatever happens in it, and has no handler for what may."""
    last = function.body[-1]
    return (
        isinstance(last, ast.While)
        and isinstance(last.test, ast.Constant)
        and not any(isinstance(node, ast.Return | ast.Break | ast.Yield) for node in ast.walk(last))
        and not any(handles_everything(node) for node in ast.walk(last))
    )


def handles_everything(node: ast.AST) -> bool:
    return isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception")
