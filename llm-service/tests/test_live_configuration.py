"""The configuration is read again while the service runs."""

import asyncio
from pathlib import Path

import pytest

from llm_service.configuration.configuration import load_configuration
from llm_service.configuration.live import LiveConfiguration
from llm_service.settings import LlmSettings
from penstock_testkit.waiting import HANG_SECONDS

GOOD = "aliases: {fast: local/m1}\nproviders: [{name: local, base_url: 'http://127.0.0.1:1/v1', models: [m1]}]"


def live_over(path: Path) -> LiveConfiguration:
    settings = LlmSettings(_env_file=None, LLM_CONFIG_FILE=str(path))  # type: ignore[call-arg]
    return LiveConfiguration(lambda: load_configuration(settings, lambda _: ""), path=str(path))


async def test_a_new_file_is_followed_and_a_broken_one_keeps_the_old(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(GOOD)
    live = live_over(path)
    seen: list[set[str]] = []
    live.subscribe(lambda configuration: seen.append(set(configuration.routing.aliases)))
    path.write_text(GOOD.replace("fast", "quick"))
    assert await live.reload() == ""
    path.write_text("providers: [{name: local}]")
    assert "base_url: Field required" in await live.reload()
    assert "base_url: Field required" in live.error
    assert set(live.current.routing.aliases) == {"quick"}
    path.write_text(GOOD)
    assert await live.reload() == live.error == ""
    assert seen == [{"fast"}, {"quick"}, {"fast"}]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        GOOD.encode("utf-16"),
        f"{GOOD}\nproviders: []\n".encode(),
        b"aliases: {fast: nowhere/m}",
        b"order: [nobody]",
    ],
)
async def test_a_file_that_is_half_right_changes_nothing_and_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(GOOD)
    live = live_over(path)
    before = live.current
    path.write_bytes(content)
    assert "line 1" in await live.reload() or "line 3" in live.error
    assert live.error
    assert live.current is before


async def test_a_file_that_is_gone_changes_nothing_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(GOOD)
    live = live_over(path)
    before = live.current
    path.unlink()
    assert "No such file" in await live.reload()
    assert live.current is before


async def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(GOOD)
    live, applied = live_over(path), asyncio.Event()
    live.subscribe(lambda configuration: applied.set() if "quick" in configuration.routing.aliases else None)
    watching = asyncio.create_task(live.watch(0.01))
    replacement = tmp_path / "new.yaml"
    replacement.write_text(GOOD.replace("fast", "quick"))
    replacement.replace(path)
    await asyncio.wait_for(applied.wait(), HANG_SECONDS)
    watching.cancel()
