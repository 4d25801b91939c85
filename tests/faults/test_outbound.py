"""The way to vendors as the environment says it: proxies, and certificates of one's own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock_kit.errors import PenstockError
from penstock_testkit.servers.certificate import make_certificate
from penstock_testkit.servers.http_proxy import HttpProxy
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from tests.faults.llm_process import llm_process

VENDORS: dict[str, type[Any]] = {"openai": OpenAiServer, "anthropic": AnthropicServer, "gemini": GeminiServer}


@dataclass(frozen=True)
class Outside:
    """Vendors of every dialect behind https, with the certificate they show and the configuration that names them."""

    certificate: Path
    config: str


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    certificate, tls = make_certificate(tmp_path)
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(made(tls=tls)) for name, made in VENDORS.items()}
        rows = [
            f"  - {{name: my-{name}, dialect: {name}, base_url: '{server.base_url}', models: [m]}}"
            for name, server in servers.items()
        ]
        yield Outside(certificate, "providers:\n" + "\n".join(rows))


async def test_certificates_of_ones_own_are_trusted_for_every_dialect(outside: Outside, tmp_path: Path) -> None:
    async with llm_process(tmp_path, outside.config, SSL_CERT_FILE=outside.certificate) as llm:
        for name in VENDORS:
            assert (await llm.complete(f"my-{name}/m")).text == "pong"


async def test_a_certificate_that_nobody_vouches_for_is_refused(outside: Outside, tmp_path: Path) -> None:
    async with llm_process(tmp_path, outside.config) as llm:
        for name in VENDORS:
            with pytest.raises(PenstockError) as caught:
                await llm.complete(f"my-{name}/m")
            assert caught.value.reason == "PROVIDER_CONNECTION_FAILED"


@pytest.mark.parametrize("setting", ["HTTPS_PROXY", "https_proxy"])
async def test_calls_over_https_go_through_a_tunnel_of_the_proxy(
    outside: Outside, tmp_path: Path, setting: str
) -> None:
    async with HttpProxy(password="me:proxy-pass-123") as proxy:
        settings = {setting: f"http://me:proxy-pass-123@{proxy.address}", "SSL_CERT_FILE": outside.certificate}
        async with llm_process(tmp_path, outside.config, **settings) as llm:
            for name in VENDORS:
                assert (await llm.complete(f"my-{name}/m")).text == "pong"
            assert "proxy-pass-123" not in llm.output()
        assert [asked.partition(" ")[0] for asked in proxy.asked] == ["CONNECT"] * len(VENDORS)


async def test_hosts_of_no_proxy_are_called_directly(outside: Outside, tmp_path: Path) -> None:
    async with HttpProxy() as proxy:
        settings = {"HTTPS_PROXY": f"http://{proxy.address}", "NO_PROXY": "127.0.0.0/8"}
        async with llm_process(tmp_path, outside.config, SSL_CERT_FILE=outside.certificate, **settings) as llm:
            for name in VENDORS:
                assert (await llm.complete(f"my-{name}/m")).text == "pong"
        assert proxy.asked == []
