"""The settings: keys and password of the user, users and budgets for administrators."""

import pytest
from playwright.async_api import expect

from tests.chat_page.chat_page import ChatPage

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_key_is_made_shown_once_and_removed(chat: ChatPage) -> None:
    await chat.page.click("#open-settings")
    keys = chat.page.locator("#settings section").filter(has_text="API keys")
    await keys.get_by_label("Name").fill("made by the page")
    await keys.get_by_role("button", name="Make a key").click()
    await expect(keys.locator(".fresh code")).to_contain_text("psk_")
    row = keys.locator("li").filter(has_text="made by the page")
    await row.get_by_role("button").click()
    await expect(row.get_by_role("button")).to_have_text("Really remove?")
    await row.get_by_role("button").click()
    await expect(row).to_have_count(0)


async def test_an_administrator_adds_a_user_and_a_budget(chat: ChatPage) -> None:
    await chat.page.click("#open-settings")
    users = chat.page.locator("#settings section").filter(has_text="Add a user")
    await users.get_by_label("Username").fill("ann")
    await users.get_by_label("Password").fill("a long enough password 1")
    await users.get_by_role("button", name="Add a user").click()
    await expect(users.locator("li").filter(has_text="ann ·")).to_have_count(1)
    budgets = chat.page.locator("#settings section").filter(has_text="Add a budget")
    await budgets.get_by_label("Limit in USD").fill("25.00")
    await budgets.get_by_role("button", name="Add a budget").click()
    await expect(budgets.locator("li")).to_contain_text("25")


async def test_an_operator_sets_a_price_that_is_listed_with_the_own_ones(chat: ChatPage) -> None:
    await chat.page.click("#open-settings")
    prices = chat.page.locator("#settings section").filter(has_text="Set the price")
    for price in ("1.25", "1.50"):
        await prices.get_by_label("Provider").fill("openai")
        await prices.get_by_label("Model").fill("own-model")
        await prices.get_by_label("Input").fill(price)
        await prices.get_by_label("Output").fill("10")
        await prices.get_by_role("button", name="Set the price").click()
        await expect(prices.locator("li")).to_have_text([f"openai/own-model · {price} USD → 10 USD"])
    await prices.get_by_label("Provider").fill("openai")
    await prices.get_by_label("Model").fill("own-model")
    await prices.get_by_label("Input").fill("much")
    assert not await prices.locator("form").evaluate("(form) => form.checkValidity()")


async def test_a_member_sees_neither_users_nor_budgets_nor_prices(chat: ChatPage) -> None:
    await chat.page.evaluate("""() => {
        const kept = JSON.parse(localStorage.getItem("penstock.credentials"));
        localStorage.setItem("penstock.credentials", JSON.stringify({...kept, scopes: ["chat"]}));
    }""")
    await chat.page.reload()
    await chat.page.click("#open-settings")
    await expect(chat.page.locator("#settings section")).to_have_count(2)


async def test_a_wrong_password_is_told_and_nothing_is_lost(chat: ChatPage) -> None:
    await chat.page.click("#open-settings")
    form = chat.page.locator("#settings section").filter(has_text="Current password")
    await form.get_by_label("Current password").fill("certainly wrong")
    await form.get_by_label("New password").fill("another long password 2")
    await form.get_by_role("button", name="Change").click()
    await expect(form.locator(".told.bad")).not_to_be_empty()
    await expect(form.get_by_label("New password")).to_have_value("another long password 2")


async def test_a_phone_reaches_delete_stop_and_settings_without_hovering(chat: ChatPage) -> None:
    await chat.page.set_viewport_size({"width": 390, "height": 844})
    await chat.ask_and_wait("asked on a phone")
    assert await chat.page.evaluate("document.documentElement.scrollWidth") == 390
    await chat.page.click("#menu")
    remove = chat.row("asked on a phone").locator(".remove")
    await expect(remove).to_be_in_viewport()
    box = await remove.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 40
    assert await remove.evaluate("(node) => getComputedStyle(node).opacity") == "1"
    await remove.click()
    await expect(chat.page.get_by_role("button", name="Undo")).to_be_in_viewport()
    await chat.page.get_by_role("button", name="Undo").click()
    await chat.page.keyboard.press("Escape")
    await expect(chat.page.locator("#open-settings")).to_be_in_viewport()


async def test_who_may_see_the_dashboard_gets_there_from_the_chat_and_back(chat: ChatPage) -> None:
    await chat.page.get_by_role("link", name="Dashboard").click()
    await chat.page.wait_for_url("**/dashboard")
    await expect(chat.page.locator("#charts")).to_be_visible()
    await chat.page.get_by_role("link", name="Chat").click()
    await expect(chat.page.locator("#question")).to_be_visible()
    forget = """() => { const held = JSON.parse(localStorage.getItem("penstock.credentials"));
        localStorage.setItem("penstock.credentials", JSON.stringify({...held, scopes: ["chat"]})); }"""
    await chat.page.evaluate(forget)
    await chat.page.reload()
    await expect(chat.page.locator("#logout")).to_be_visible()
    await expect(chat.page.locator("#dashboard")).to_be_hidden()


async def test_models_that_only_embed_are_not_offered_for_questions(chat: ChatPage) -> None:
    offered = chat.page.locator("#model option")
    await expect(offered.and_(chat.page.locator("[value='fallback/rules']"))).to_have_count(1)
    await expect(offered.and_(chat.page.locator("[value='fallback/hashing']"))).to_have_count(0)
