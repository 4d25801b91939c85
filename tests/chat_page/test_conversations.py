"""Conversations on the page: their addresses, search, rename, delete and undo."""

import pytest
from playwright.async_api import expect

from tests.chat_page.chat_page import ChatPage

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_conversation_has_an_address_that_opens_it_again(chat: ChatPage) -> None:
    await chat.ask_and_wait("an address for me")
    await expect(chat.answer).to_have_text("You said: an address for me")
    opened = chat.conversation
    assert opened.startswith("conv_")
    await chat.new_conversation()
    assert chat.conversation == ""
    await chat.page.go_back()
    await expect(chat.answer).to_have_text("You said: an address for me")
    tab = await chat.another_tab(f"/c/{opened}")
    await expect(tab.answer).to_have_text("You said: an address for me")
    assert tab.faults == []


async def test_an_address_of_no_conversation_says_so(chat: ChatPage) -> None:
    await chat.page.goto(f"{chat.system.url}/c/conv_nothing")
    await expect(chat.page.locator(".toast")).to_contain_text("There is no such conversation")
    await expect(chat.page.locator("#empty")).to_be_visible()


async def test_nothing_is_made_but_by_a_send(chat: ChatPage) -> None:
    await chat.new_conversation()
    await chat.page.click("#new")
    await chat.page.fill("#question", "only typed")
    await chat.page.reload()
    await expect(chat.page.locator("#question")).to_have_value("only typed")
    assert chat.count("POST", r"/api/v1/conversations$") == 0
    await chat.page.press("#question", "Enter")
    await chat.ended()
    assert chat.count("POST", r"/api/v1/conversations$") == 1


async def test_the_list_is_searched_by_title(chat: ChatPage) -> None:
    await chat.ask_and_wait("zebra stripes")
    await chat.new_conversation()
    await chat.ask_and_wait("giraffe necks")
    await expect(chat.row("giraffe necks")).to_have_count(1)
    await chat.page.fill("#search", "ZEBRA")
    await expect(chat.row("giraffe necks")).to_have_count(0)
    await chat.page.press("#search", "Enter")
    await expect(chat.answer).to_have_text("You said: zebra stripes")
    await chat.page.fill("#search", "no such title")
    await expect(chat.page.locator("#none")).to_be_visible()
    await chat.page.press("#search", "Escape")
    await expect(chat.row("giraffe necks")).to_have_count(1)


async def test_a_conversation_is_renamed_and_escape_renames_nothing(chat: ChatPage) -> None:
    await chat.ask_and_wait("rename me please")
    row = chat.row("rename me please")
    await row.locator(".rename").click()
    await chat.page.fill("input.title", "never so")
    await chat.page.press("input.title", "Escape")
    await row.locator(".rename").click()
    await chat.page.fill("input.title", "renamed by hand")
    await chat.page.press("input.title", "Enter")
    await expect(chat.row("renamed by hand")).to_have_count(1)
    assert chat.count("PATCH", "/conversations/") == 1
    await chat.page.reload()
    await expect(chat.row("renamed by hand")).to_have_count(1)
    await expect(chat.row("never so")).to_have_count(0)


async def test_a_deletion_that_is_undone_was_never_sent(chat: ChatPage) -> None:
    await chat.ask_and_wait("keep me after all")
    await chat.row("keep me after all").locator(".remove").click()
    await expect(chat.row("keep me after all")).to_have_count(0)
    await expect(chat.page.locator("#empty")).to_be_visible()
    await chat.page.get_by_role("button", name="Undo").click()
    await expect(chat.row("keep me after all")).to_have_count(1)
    await expect(chat.answer).to_have_text("You said: keep me after all")
    assert chat.count("DELETE", "/conversations/") == 0


async def test_a_deletion_is_sent_when_the_time_to_undo_is_over(chat: ChatPage) -> None:
    await chat.ask_and_wait("delete me in time")
    path = f"/api/v1/conversations/{chat.conversation}"
    async with chat.page.expect_request(lambda request: request.method == "DELETE" and request.url.endswith(path)):
        await chat.row("delete me in time").locator(".remove").click()
    await expect(chat.page.locator(".toast")).to_have_count(0)
    await chat.page.reload()
    await expect(chat.row("delete me in time")).to_have_count(0)


async def test_a_deletion_is_sent_when_the_page_goes_away(chat: ChatPage) -> None:
    await chat.ask_and_wait("delete me on leaving")
    await chat.row("delete me on leaving").locator(".remove").click()
    await chat.page.goto(f"{chat.system.url}/docs")
    await chat.page.goto(chat.system.url)
    await expect(chat.page.locator("#empty")).to_be_visible()
    await expect(chat.row("delete me on leaving")).to_have_count(0)
