"""Calls to vendors through an HTTP proxy, for every dialect, and which of them take it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from llm_service.configuration.proxy_rules import ProxyRules
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.providers.anthropic import AnthropicProvider
from llm_service.providers.gemini import GeminiProvider
from llm_service.providers.openai import OpenAiProvider
from llm_service.testing import collected, question, text_of
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.http_proxy import HttpProxy
from penstock_testkit.servers.process import free_port
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.vendors.server import VendorServer
from penstock_testkit.waiting import HANG_SECONDS

KEY = "AIza-proxied-0001"


@dataclass(frozen=True)
class Dialect:
    """A vendor's server and what asks it."""

    server: type[Any]
    provider: type[Any]
    model: str


DIALECTS = {
    "openai": Dialect(OpenAiServer, OpenAiProvider, "m1"),
    "anthropic": Dialect(AnthropicServer, AnthropicProvider, "claude-sonnet-4-5"),
    "gemini": Dialect(GeminiServer, GeminiProvider, "gemini-2.5-flash"),
}


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def behind(dialect: str) -> AsyncIterator[VendorServer]:
    async with DIALECTS[dialect].server() as server:
        yield server


@pytest.fixture
async def proxy() -> AsyncIterator[HttpProxy]:
    async with HttpProxy() as server:
        yield server


@pytest.fixture
async def asking(
    dialect: str, behind: Any, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[Callable[[str], Any]]:
    made: list[Any] = []
    row = ProviderProfile(
        name=dialect, dialect=dialect, models=(DIALECTS[dialect].model,), base_url=behind.base_url, keys=(KEY,)
    )

    def ask_through(proxy: str) -> Any:
        profile = replace(row, proxy=proxy)
        made.append(DIALECTS[dialect].provider(profile, clock=clock, new_id=new_id, connect_timeout=HANG_SECONDS))
        return made[-1]

    yield ask_through
    for provider in made:
        await provider.close()


@pytest.mark.parametrize("streaming", [True, False])
async def test_answers_come_through_the_proxy(
    dialect: str, behind: VendorServer, proxy: HttpProxy, asking: Callable[[str], Any], streaming: bool
) -> None:
    provider = asking(f"http://{proxy.address}")
    for _ in range(2):
        events = await collected(provider.stream(question(model=DIALECTS[dialect].model, streaming=streaming)))
        assert text_of(events) == "pong"
    assert len(behind.received) == 2
    assert all(asked.startswith(f"POST {behind.origin}/") for asked in proxy.asked)


async def test_a_proxy_that_wants_a_password_gets_it_and_never_the_vendor(
    dialect: str, behind: VendorServer, asking: Callable[[str], Any]
) -> None:
    async with HttpProxy(password="me:s3cret-of-proxy") as proxy:
        provider = asking(f"http://me:s3cret-of-proxy@{proxy.address}")
        assert text_of(await collected(provider.stream(question(model=DIALECTS[dialect].model)))) == "pong"
    assert not any(name.lower().startswith("proxy-") for name in behind.received[0].headers)


async def test_a_proxy_that_refuses_is_a_vendor_that_cant_be_reached_and_its_password_is_not_told(
    dialect: str, behind: VendorServer, asking: Callable[[str], Any]
) -> None:
    async with HttpProxy(password="me:another-secret") as proxy:
        provider = asking(f"http://me:wrong-secret@{proxy.address}")
        with pytest.raises(ProviderError) as caught:
            await collected(provider.stream(question(model=DIALECTS[dialect].model)))
    assert "wrong-secret" not in caught.value.message
    assert behind.received == []


async def test_a_proxy_that_is_not_there_is_a_vendor_that_cant_be_reached(
    dialect: str, asking: Callable[[str], Any]
) -> None:
    provider = asking(f"http://me:hidden-secret@127.0.0.1:{free_port()}")
    with pytest.raises(ProviderError, match="the proxy can't be reached") as caught:
        await collected(provider.stream(question(model=DIALECTS[dialect].model)))
    assert caught.value.failure is FailureKind.CONNECT
    assert "hidden-secret" not in caught.value.message


async def test_an_answer_cut_behind_the_proxy_is_cut(
    dialect: str, behind: VendorServer, proxy: HttpProxy, asking: Callable[[str], Any]
) -> None:
    behind.script(Reply(chunks=("po", "ng"), cut_after=1))
    with pytest.raises(ProviderError) as caught:
        await collected(asking(f"http://{proxy.address}").stream(question(model=DIALECTS[dialect].model)))
    assert caught.value.failure is FailureKind.CUT


async def test_leaving_ends_the_vendors_call_behind_the_proxy(
    dialect: str, behind: VendorServer, proxy: HttpProxy, asking: Callable[[str], Any]
) -> None:
    behind.script(Reply(chunks=("po", "ng"), hang_after=1))
    stream = asking(f"http://{proxy.address}").stream(question(model=DIALECTS[dialect].model))
    await anext(stream)
    await stream.aclose()
    await behind.wait_abandoned()


@pytest.mark.parametrize("dialect", ["openai", "gemini"], indirect=True)
async def test_vectors_come_through_the_proxy(
    dialect: str, behind: VendorServer, proxy: HttpProxy, asking: Callable[[str], Any]
) -> None:
    vectors = await asking(f"http://{proxy.address}").embed(
        EmbeddingRequest(model=DIALECTS[dialect].model, inputs=("a", "b"))
    )
    assert len(vectors.values) == 2
    assert proxy.asked
    assert len(behind.received) >= 1


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"], indirect=True)
async def test_tokens_are_counted_through_the_proxy(
    dialect: str, proxy: HttpProxy, asking: Callable[[str], Any]
) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        assert await asking(f"http://{proxy.address}").count_tokens(question(model=DIALECTS[dialect].model)) > 0
    assert proxy.asked


async def test_a_proxy_of_the_environment_is_not_taken_unasked(
    dialect: str, proxy: HttpProxy, asking: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{proxy.address}")
    await asking("").list_models()
    assert proxy.asked == []


RULES = ProxyRules(
    http="http://plain:3128",
    https="secure:3129",
    direct=("localhost", ".internal.example", "127.0.0.1:8080", "10.0.0.0/8", "::1", "*.lab"),
)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://vendor.example/v1", "http://plain:3128"),
        ("https://vendor.example/v1", "http://secure:3129"),
        ("https://localhost:11434/v1", ""),
        ("https://internal.example/v1", ""),
        ("https://a.internal.example/v1", ""),
        ("https://notinternal.example/v1", "http://secure:3129"),
        ("http://127.0.0.1:8080/v1", ""),
        ("http://127.0.0.1:8081/v1", "http://plain:3128"),
        ("http://10.2.3.4/v1", ""),
        ("http://11.2.3.4/v1", "http://plain:3128"),
        ("http://[::1]:9/v1", ""),
        ("http://gpu.lab/v1", ""),
        ("", ""),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(url: str, proxy: str) -> None:
    assert RULES.proxy_for(url) == proxy


def test_a_star_means_every_host() -> None:
    assert replace(RULES, direct=("*",)).proxy_for("https://vendor.example") == ""


def test_a_proxys_password_is_not_shown_with_the_profile() -> None:
    row = ProviderProfile(name="a", dialect="openai", models=("m",), proxy="http://me:s3cret@p:1")
    assert "s3cret" not in repr(row)
    assert "s3cret" not in repr(ProxyRules(http="http://me:s3cret@p:1"))
