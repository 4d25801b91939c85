"""A local issuer, a gateway that signs in through it, and browsers that go the way."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from gateway.auth.identity import User
from penstock_kit.clock import SystemClock
from penstock_kit.database import sqlite_url
from penstock_testkit.servers.openid_provider import OpenIdProvider
from penstock_testkit.waiting import HANG_SECONDS

RULES = """
rules:
  - {group: boss, role: operator}
  - {group: leads, role: admin, tenant: welding}
  - {group: welders, tenant: welding}
  - {group: guests, tenant: welding, scopes: [telemetry:read]}
  - {group: painters, tenant: painting}
"""
START, CALLBACK, SESSION = "/auth/oidc/start", "/auth/oidc/callback", "/api/v2/auth/oidc/session"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind; the same tests hold on both."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "gateway.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def someone():
    """Make a user of a name and a tenant, who is not stored yet."""

    def make(name, tenant):
        return User(
            id=f"user_{tenant}_{name}", tenant_id=tenant, username=name, password_hash="", scopes=frozenset({"chat"}),
            active=True, create_time=SystemClock().now(),
        )  # fmt: skip

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def provider():
    async with OpenIdProvider() as provider:
        yield provider


@pytest.fixture
def sso(provider, tmp_path):
    """The settings of single sign-on at the local issuer."""
    rules = tmp_path / "groups.yaml"
    rules.write_text(RULES)
    return {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": provider.client_id,
        "oidc_client_secret": provider.client_secret,
        "oidc_groups_file": str(rules),
        "oidc_networks": "127.0.0.0/8",
        "oidc_seconds": HANG_SECONDS,
        "public_url": "http://127.0.0.1:8000",
    }


@pytest_asyncio.fixture(loop_scope="session")
async def running(start_gateway, sso):
    return await start_gateway(**sso)


class Browser:
    """Goes where it is sent, with the cookies of its own; the public address is that of the gateway under test."""

    def __init__(self, gateway, headers=None):
        self.client = httpx.AsyncClient(base_url=gateway.url, timeout=HANG_SECONDS, headers=headers, verify=False)

    async def start(self, return_to="/"):
        """Return the issuer's address that the browser is sent to."""
        answer = await self.client.get(START, params={"return_to": return_to})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def authorize(self, location):
        """Return the parameters with which the issuer sends the browser back."""
        answer = await self.client.get(location)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        assert back.path == CALLBACK
        return {name: values[0] for name, values in parse_qs(back.query).items()}

    async def callback(self, parameters):
        return await self.client.get(CALLBACK, params=parameters)

    async def sign_in(self, return_to="/"):
        """Return the callback's answer after the whole way."""
        return await self.callback(await self.authorize(await self.start(return_to)))

    async def session(self):
        """Return the tokens after the whole way."""
        answer = await self.sign_in()
        assert answer.status_code == 302, answer.text
        answer = await self.client.post(SESSION)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def me(self, tokens):
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        return await self.client.get("/api/v2/auth/me", headers=headers)


@pytest_asyncio.fixture(loop_scope="session")
async def browse():
    """Make browsers at a gateway, which are closed in the end."""
    opened = []

    def browse(gateway, headers=None):
        opened.append(Browser(gateway, headers))
        return opened[-1]

    yield browse
    for browser in opened:
        await browser.client.aclose()
