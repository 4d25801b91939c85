"""Single sign-on in a browser: from the button of both pages through a local issuer and back, signed in.

Skipped where there is no Chromium, as the other tests of the dashboard.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from penstock_testkit.servers.openid_provider import OpenIdProvider
from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem, start_system

pytestmark = pytest.mark.asyncio(loop_scope="module")

RULES = """
rules:
  - group: leads
    role: admin
  - group: welders
"""


@pytest_asyncio.fixture(loop_scope="module")
async def provider() -> AsyncGenerator[OpenIdProvider]:
    async with OpenIdProvider() as provider:
        provider.claims["groups"] = ["leads"]
        yield provider


def start(folder: Path, provider: OpenIdProvider, **more: str) -> RunningSystem:
    """Start a system that signs in through the local issuer."""
    rules, port = folder / "groups.yaml", free_port()
    rules.write_text(RULES)
    environment = {
        "PENSTOCK_HTTP_PORT": str(port),
        "PENSTOCK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PENSTOCK_OIDC_ISSUER": provider.issuer,
        "PENSTOCK_OIDC_CLIENT_ID": provider.client_id,
        "PENSTOCK_OIDC_CLIENT_SECRET": provider.client_secret,
        "PENSTOCK_OIDC_GROUPS_FILE": str(rules),
        "PENSTOCK_OIDC_NETWORKS": "127.0.0.0/8",
        "PENSTOCK_OIDC_SECONDS": "60",
        "PENSTOCK_OIDC_LABEL": "Weld & Co <b>",
        **more,
    }
    return start_system(folder / "home", extra_env=environment)


@pytest_asyncio.fixture(loop_scope="module")
async def signed(provider: OpenIdProvider, tmp_path: Path, browser: Browser) -> AsyncGenerator[RunningSystem]:
    running = await asyncio.to_thread(start, tmp_path, provider)
    yield running
    await asyncio.to_thread(running.stop)


@pytest_asyncio.fixture(loop_scope="module")
async def without_passwords(
    provider: OpenIdProvider, tmp_path: Path, browser: Browser
) -> AsyncGenerator[RunningSystem]:
    running = await asyncio.to_thread(start, tmp_path, provider, PENSTOCK_PASSWORD_SIGN_IN="false")
    yield running
    await asyncio.to_thread(running.stop)


async def stored(page: Page) -> str:
    return str(await page.evaluate("localStorage.getItem('penstock.credentials') ?? ''"))


async def test_a_browser_signs_in_from_both_pages_and_is_told_in_words_what_went_wrong(
    browser: Browser, signed: RunningSystem, provider: OpenIdProvider
) -> None:
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    await page.goto(signed.url)
    button = page.locator("#single-sign-on")
    await expect(button).to_have_text("Sign in with Weld & Co <b>")
    await page.click("#language")
    await expect(button).to_have_text("使用 Weld & Co <b> 登录")
    await page.click("#language")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    # From the last field by the keyboard alone: the button of the form, then this one.
    await page.focus("#password")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#question")).to_be_visible()
    assert page.url == f"{signed.url}/" and "prt_" in await stored(page)
    assert await page.context.cookies() == []

    # What somebody writes into an address signs nobody out, and puts no words on the page.
    await page.goto(f"{signed.url}/dashboard#sign-in-failed=Call+555")
    await expect(page.locator("#state")).to_have_text("live")
    await page.click("#logout")
    await page.goto("about:blank")
    await page.goto(f"{signed.url}/dashboard#sign-in-failed=Call+555")
    await expect(page.locator("#login-error")).to_have_text(
        "The sign-in failed. Begin again; if it stays so, tell your administrator."
    )

    await page.click("#single-sign-on")
    await expect(page.locator("#state")).to_have_text("live")
    assert page.url == f"{signed.url}/dashboard"
    await page.click("#logout")
    provider.claims["groups"] = ["cooks"]
    await page.click("#single-sign-on")
    await expect(page.locator("#login-error")).to_contain_text("You are in none of the groups")
    assert page.url == f"{signed.url}/dashboard" and "prt_" not in await stored(page)
    assert said == []
    await page.close()


async def test_where_passwords_do_not_count_the_page_asks_for_none_in_either_language(
    browser: Browser, without_passwords: RunningSystem
) -> None:
    page = await browser.new_page()
    await page.goto(without_passwords.url)
    hint = page.locator("#login-hint")
    await expect(hint).to_have_text("Sign in below, or paste an API key.")
    await expect(page.locator("#password")).to_be_hidden()
    await expect(page.locator("#key")).to_be_visible()
    await page.click("#language")
    await expect(hint).to_have_text("请在下方登录，或粘贴 API 密钥。")
    await page.close()
