"""Single sign-on through a certified OpenID Connect provider with pages of its own, on PostgreSQL.

The provider is `oidc-provider` for Node, certified by the OpenID Foundation. It demands PKCE and names groups in
userinfo alone.
"""

import asyncio
import re
import secrets
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

NODE = Path(__file__).parents[2] / ".venv-clients-node"
PROGRAM = "issuer.mjs"
RULES = """
rules:
  - group: leads
    role: admin
    tenant: welding
  - group: welders
    tenant: welding
"""


@pytest.fixture
async def signed(tmp_path: Path, postgres_url: str) -> AsyncGenerator[RunningSystem]:
    """A system on PostgreSQL that signs in through the provider."""
    if shutil.which("node") is None or not (NODE / "node_modules" / "oidc-provider").exists():
        pytest.skip("the OpenID provider is not installed: `make test-clients` does, where Node is there")
    port, issuer_port, secret = free_port(), free_port(), secrets.token_urlsafe()
    shutil.copy(Path(__file__).parent / "node" / PROGRAM, NODE / PROGRAM)
    provider = await asyncio.create_subprocess_exec(
        "node", PROGRAM, str(issuer_port), f"http://127.0.0.1:{port}/auth/oidc/callback", secret,
        cwd=NODE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert provider.stdout is not None
    while (await asyncio.wait_for(provider.stdout.readline(), HANG_SECONDS)) != b"listening\n":
        assert not provider.stdout.at_eof()
    rules = tmp_path / "groups.yaml"
    rules.write_text(RULES)
    environment = {
        "DATABASE_URL": postgres_url,
        "PENSTOCK_HTTP_PORT": str(port),
        "PENSTOCK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PENSTOCK_OIDC_ISSUER": f"http://127.0.0.1:{issuer_port}",
        "PENSTOCK_OIDC_CLIENT_ID": "penstock",
        "PENSTOCK_OIDC_CLIENT_SECRET": secret,
        "PENSTOCK_OIDC_GROUPS_FILE": str(rules),
        "PENSTOCK_OIDC_NETWORKS": "127.0.0.0/8",
        "PENSTOCK_OIDC_SCOPES": "openid profile email groups",
        "PENSTOCK_OIDC_SECONDS": "60",
    }
    running = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment, demo=False)
    yield running
    await asyncio.to_thread(running.stop)
    provider.kill()
    await provider.wait()


async def arrive(browser: httpx.AsyncClient, answer: httpx.Response, person: str) -> httpx.Response:
    """Follow redirects and fill in the provider's forms (sign-in, then consent) until we are back."""
    while True:
        if answer.is_redirect:
            goal = urljoin(str(answer.url), answer.headers["location"])
            answer = await browser.get(goal)
            if "/auth/oidc/callback" in goal:
                return answer
            continue
        assert answer.status_code == 200, answer.text
        form = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
        assert form, answer.text
        fields = {"prompt": "login", "login": person, "password": "any"}
        if 'value="consent"' in answer.text:
            fields = {"prompt": "consent"}
        answer = await browser.post(urljoin(str(answer.url), form[1]), data=fields)


async def sign_in(url: str, person: str) -> tuple[httpx.Response, dict[str, Any]]:
    """Go the whole way in a fresh browser; return how we sent it on, and what the session says of its user."""
    async with httpx.AsyncClient(base_url=url, timeout=HANG_SECONDS, headers={"accept": "text/html"}) as browser:
        back = await arrive(browser, await browser.get("/auth/oidc/start?return_to=/dashboard"), person)
        session = await browser.post("/api/v2/auth/oidc/session")
        if session.status_code != 200:
            return back, {}
        token = session.json()["data"]["access_token"]
        told = await browser.get("/api/v2/auth/me", headers={"authorization": f"Bearer {token}"})
        return back, told.json()["data"]


async def test_people_of_a_certified_provider_are_what_their_groups_give_on_postgresql(signed: RunningSystem) -> None:
    back, member = await sign_in(signed.url, "ann")
    assert (back.status_code, back.headers["location"]) == (302, "/dashboard#signed-in")
    assert member["tenant_id"] == "welding"
    assert member["scopes"] == ["chat", "costs", "models", "telemetry:read", "telemetry:write"]
    _, leading = await sign_in(signed.url, "bob")
    assert "admin" in leading["scopes"] and leading["tenant_id"] == "welding"
    _, again = await sign_in(signed.url, "ann")
    assert again["user_id"] == member["user_id"]
    refused, nobody = await sign_in(signed.url, "eve")
    assert (nobody, "GROUP_REQUIRED" in refused.text + refused.headers.get("location", "")) == ({}, True)
