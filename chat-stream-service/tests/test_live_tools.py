"""The tools file in force, while it changes under a running service."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chat_stream_service.adapters.operator_tools.configuration import read_tools
from chat_stream_service.adapters.operator_tools.live_tools import ReloadingTools
from penstock_kit.clock import SystemClock
from penstock_testkit.services.mcp import RawMcpServer, described
from penstock_testkit.waiting import HANG_SECONDS

HEAD = "allowed_hosts: [127.0.0.1]\nallowed_networks: [127.0.0.0/8]\n"
ONE = HEAD + "http:\n  - {name: one, description: d, url: 'http://127.0.0.1/1', headers: {k: '${A_SECRET}'}}\n"
TWO = HEAD + "http:\n  - {name: two, description: d, url: 'http://127.0.0.1/2', headers: {k: '${B_SECRET}'}}\n"
ENVIRONMENT = {"A_SECRET": "first-secret", "B_SECRET": "second-secret"}

Live = Callable[..., ReloadingTools]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncGenerator[Live]:
    made: list[ReloadingTools] = []

    def make(**options: Any) -> ReloadingTools:
        path = str(tmp_path / "tools.yaml")
        read = partial(read_tools, path, ENVIRONMENT)
        made.append(ReloadingTools(read, path=path, clock=SystemClock(), max_seconds=10, **options))
        return made[-1]

    yield make
    for tools in made:
        await tools.close()


def names(tools: ReloadingTools) -> list[str]:
    return [tool.name for source in tools.sources for tool in source.tools()]


async def test_a_changed_file_is_read_again_and_its_secrets_are_masked_from_then_on(live: Live, tmp_path: Path) -> None:
    secrets: set[str] = set()
    (tmp_path / "tools.yaml").write_text(ONE)
    tools = live(on_secrets=secrets.update)
    tools.start(watch_seconds=0.02)
    assert (names(tools), secrets) == (["one"], {"first-secret"})
    (tmp_path / "tools.yaml").write_text(TWO)
    async with asyncio.timeout(HANG_SECONDS):
        while names(tools) != ["two"]:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.02)
    assert secrets == {"first-secret", "second-secret"}


@pytest.mark.parametrize("wrong", ["", ONE + "http: []\n", "http: [", ONE.replace("127.0.0.1/1", "127.1/1")])
async def test_with_a_wrong_file_the_old_one_stays_and_readiness_says_why(
    live: Live, tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "tools.yaml").write_text(ONE)
    tools = live()
    assert (await tools.status()).state == "ok"
    (tmp_path / "tools.yaml").write_text(wrong)
    told = await tools.reload()
    assert "line " in told
    assert names(tools) == ["one"]
    status = await tools.status()
    assert (status.name, status.state, status.detail) == ("tools-file", "degraded", told)
    (tmp_path / "tools.yaml").write_text(TWO)
    assert await tools.reload() == ""
    assert ((await tools.status()).state, names(tools)) == ("ok", ["two"])


async def test_a_file_that_is_wrong_at_the_start_costs_its_tools_alone(live: Live, tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_bytes(ONE.encode("utf-16"))
    tools = live()
    assert tools.sources == ()
    assert "UTF-16" in (await tools.status()).detail
    (tmp_path / "tools.yaml").write_text(ONE)
    await tools.reload()
    assert names(tools) == ["one"]


async def test_a_server_that_is_the_same_in_the_new_file_keeps_its_connection(live: Live, tmp_path: Path) -> None:
    async with RawMcpServer([described("a")]) as kept, RawMcpServer([described("b")]) as left:
        mcp = f"mcp:\n  - {{name: kept, url: '{kept.url}'}}\n"
        (tmp_path / "tools.yaml").write_text(f"{HEAD}{mcp}  - {{name: left, url: '{left.url}'}}\n")
        tools = live()
        tools.start()
        sources: Any = tools.sources
        async with asyncio.timeout(HANG_SECONDS):
            assert await sources[0].try_connect()
            assert await sources[1].try_connect()
        (tmp_path / "tools.yaml").write_text(f"{ONE.replace('A_SECRET', '')}{mcp}".replace("${}", "plain"))
        assert await tools.reload() == ""
        assert names(tools) == ["one", "a"]
        assert tools.sources[1] is sources[0]
        assert kept.opened == 1
