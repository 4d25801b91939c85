"""Providers are loaded on their first use, once, and off the event loop."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import FALLBACK_PROFILE, ProviderProfile
from llm_service.domain.model.provider import Provider
from llm_service.providers.registry import DIALECTS, ProviderRegistry, ProviderServices
from llm_service.testing import collected, question
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

Wrap = Callable[[ProviderProfile, Provider], Provider]
SDKS = ("openai", "anthropic", "google.genai", "aiohttp", "yaml", "alembic")


@pytest.fixture
def make_registry(clock: ManualClock, new_id: Callable[[str], str]) -> Callable[..., ProviderRegistry]:
    sizes = iter(range(1_000_000, 100_000_000, 5_000))

    def make(*profiles: ProviderProfile, wrap: Wrap = lambda _, provider: provider) -> ProviderRegistry:
        services = ProviderServices(clock=clock, new_id=new_id, connect_timeout=60)
        return ProviderRegistry(profiles, services=services, wrap=wrap, rss_bytes=lambda: next(sizes))

    return make


async def test_nothing_is_loaded_before_the_first_use(make_registry: Callable[..., ProviderRegistry]) -> None:
    registry = make_registry(FALLBACK_PROFILE)
    assert registry.get_loaded_providers() == []
    assert registry.get_available_providers() == ["fallback"]
    assert registry.loaded("fallback") is None


async def test_after_one_answer_exactly_that_provider_is_loaded(
    make_registry: Callable[..., ProviderRegistry], profile: ProviderProfile
) -> None:
    registry = make_registry(profile, FALLBACK_PROFILE)
    provider = await registry.get("fallback")
    await collected(provider.stream(question()))
    assert registry.get_loaded_providers() == ["fallback"]
    assert await registry.get("fallback") is provider


async def test_many_first_users_share_one_load(
    make_registry: Callable[..., ProviderRegistry], profile: ProviderProfile
) -> None:
    wrapped: list[str] = []

    def wrap(row: ProviderProfile, provider: Provider) -> Provider:
        wrapped.append(row.name)
        return provider

    registry = make_registry(profile, wrap=wrap)
    providers = await asyncio.gather(*(registry.get("openai") for _ in range(20)))
    assert len(set(map(id, providers))) == 1
    assert wrapped == ["openai"]
    await registry.close()


async def test_a_first_user_that_leaves_does_not_stop_the_load(
    make_registry: Callable[..., ProviderRegistry], profile: ProviderProfile
) -> None:
    registry = make_registry(profile)
    leaving = asyncio.ensure_future(registry.get("openai"))
    staying = asyncio.ensure_future(registry.get("openai"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying is not None
    await registry.close()


async def test_the_cost_of_the_first_use_is_measured(make_registry: Callable[..., ProviderRegistry]) -> None:
    registry = make_registry(FALLBACK_PROFILE)
    await registry.get("fallback")
    loaded = registry.loaded("fallback")
    assert loaded is not None
    assert loaded.memory_bytes == 5_000


async def test_building_happens_off_the_event_loop(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_dialect.py").write_text("def build(profile, services): return services.new_id('provider')")
    monkeypatch.syspath_prepend(str(tmp_path))
    loop, building, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow_id(prefix: str) -> str:
        loop.call_soon_threadsafe(building.set)
        assert go_on.wait(HANG_SECONDS)
        return prefix

    registry = ProviderRegistry(
        [ProviderProfile(name="slow", dialect="slow", models=("m",))],
        services=ProviderServices(clock=clock, new_id=slow_id, connect_timeout=60),
        wrap=lambda _, provider: provider,
        rss_bytes=lambda: 0,
        dialects={"slow": "slow_dialect"},
    )
    task = asyncio.ensure_future(registry.get("slow"))
    await asyncio.wait_for(building.wait(), HANG_SECONDS)
    go_on.set()  # the loop is free to get here while the build still waits
    assert await task == "provider"


SLOW_IMPORT = """
import pathlib, time
here = pathlib.Path(__file__).parent
(here / "importing").touch()
while not (here / "go-on").exists():
    time.sleep(0.001)
def build(profile, services): return "provider"
"""


async def test_another_provider_answers_while_an_import_takes_its_time(
    clock: ManualClock, new_id: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_import.py").write_text(SLOW_IMPORT)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = ProviderRegistry(
        [ProviderProfile(name="slow", dialect="slow", models=("m",)), FALLBACK_PROFILE],
        services=ProviderServices(clock=clock, new_id=new_id, connect_timeout=60),
        wrap=lambda _, provider: provider,
        rss_bytes=lambda: 0,
        dialects={"slow": "slow_import", "rules": DIALECTS["rules"]},
    )
    loading = asyncio.ensure_future(registry.get("slow"))
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while not (tmp_path / "importing").exists():  # noqa: ASYNC110 - a thread's file has no event
                await asyncio.sleep(0.001)
            fallback = await registry.get("fallback")
            answers = [await collected(fallback.stream(question())) for _ in range(20)]
        assert all(answers)
        assert not loading.done()
        assert registry.get_loaded_providers() == ["fallback"]
    finally:
        (tmp_path / "go-on").touch()
    assert await loading == "provider"


async def test_a_dialect_that_is_not_installed_is_a_failure_others_can_stand_in_for(
    make_registry: Callable[..., ProviderRegistry],
) -> None:
    registry = make_registry(ProviderProfile(name="odd", dialect="klingon", models=("m",)))
    with pytest.raises(ProviderError, match="dialect 'klingon' is not available") as caught:
        await registry.get("odd")
    assert caught.value.failure is FailureKind.UNSUPPORTED
    assert registry.get_loaded_providers() == []


@pytest.fixture
def write_dialect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write the module of the dialect `broken_dialect`."""

    def write(program: str) -> None:
        (tmp_path / "broken_dialect.py").write_text(program)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "broken_dialect", raising=False)

    return write


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise RuntimeError('secret detail')", "failed with RuntimeError"),
        ("raise OSError('secret detail')", "failed with OSError"),
        ("this is no Python", "failed with SyntaxError"),
        ("build = None", "failed with TypeError"),
        ("import sys; sys.exit(3)", "is not available"),
    ],
)
async def test_a_library_that_breaks_when_it_is_loaded_is_a_failure_others_can_stand_in_for(
    clock: ManualClock, new_id: Callable[[str], str], write_dialect: Callable[[str], None], program: str, why: str
) -> None:
    write_dialect(program)
    registry = ProviderRegistry(
        [ProviderProfile(name="odd", dialect="broken", models=("m",))],
        services=ProviderServices(clock=clock, new_id=new_id, connect_timeout=60),
        wrap=lambda _, provider: provider,
        rss_bytes=lambda: 0,
        dialects={"broken": "broken_dialect"},
    )
    with pytest.raises(ProviderError, match=f"provider odd can't be loaded: its dialect 'broken' {why}$") as caught:
        await registry.get("odd")
    assert caught.value.failure is FailureKind.UNSUPPORTED


def test_importing_the_service_imports_no_vendor_sdk() -> None:
    code = f"import sys, llm_service.main; print(*(name for name in {SDKS} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HANG_SECONDS
    )
    assert done.stdout.strip() == ""
