"""Sending and stopping: nothing twice, nothing lost, each event in its own conversation, all tabs together."""

import random
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Route, expect

from penstock_testkit.vendors.reply import FakeToolCall, Reply, UntilTold
from tests.chat_page.chat_page import ChatPage
from tests.chat_page.conftest import ScriptedVendor

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIECES = tuple(f"piece{number} " for number in range(60))


def slow(name: str) -> Reply:
    """Return an answer that takes 6 s, a piece every 100 ms."""
    return Reply(chunks=tuple(f"{name}{number} " for number in range(60)), chunk_delay=0.1)


async def test_the_enter_that_ends_a_composition_sends_and_renames_nothing(chat: ChatPage) -> None:
    session = await chat.page.context.new_cdp_session(chat.page)
    await chat.page.focus("#question")
    send: Callable[..., Awaitable[object]] = session.send  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    await send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    await send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 229})
    await send("Input.insertText", {"text": "你好"})
    await expect(chat.page.locator("#question")).to_have_value("你好")
    # Safari ends the composition first and tells of the key after it, with the code 229.
    late = """(node) => node.dispatchEvent(new KeyboardEvent("keydown",
        {key: "Enter", keyCode: 229, bubbles: true, cancelable: true}))"""
    await chat.page.eval_on_selector("#question", late)
    await expect(chat.page.locator("#empty")).to_be_visible()
    assert chat.count("POST", "/conversations") == 0
    await chat.page.click("#send")
    await chat.ended()
    await chat.row("你好").first.locator(".rename").click()
    await chat.page.fill("input.title", "你好吗")
    await chat.page.eval_on_selector("input.title", late)
    await chat.page.fill("#search", "你")
    before = chat.page.url
    await chat.page.eval_on_selector("#search", late)
    assert chat.page.url == before


async def test_ten_taps_and_enters_send_one_message(chat: ChatPage) -> None:
    await chat.page.fill("#question", "tapped ten times")
    await chat.page.evaluate("""() => {
        const field = document.getElementById("question");
        for (let tap = 0; tap < 5; tap += 1) {
            document.getElementById("send").click();
            field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
        }
    }""")
    await chat.ended()
    await expect(chat.questions).to_have_count(1)
    assert chat.count("POST", r"/conversations$") == 1
    assert chat.count("POST", r"/stream$") == 1


async def test_enter_in_two_tabs_is_one_message(chat: ChatPage, vendor: ScriptedVendor) -> None:
    await chat.ask_and_wait("opening of two tabs")
    await chat.page.fill("#question", "sent from two tabs")
    tab = await chat.another_tab(f"/c/{chat.conversation}")
    await expect(tab.page.locator("#question")).to_have_value("sent from two tabs")
    await expect(tab.questions).to_have_count(1)
    click = "document.getElementById('send').click()"
    # The other tab learns of the first one's sending only afterwards: both have the draft still.
    await chat.page.evaluate("Storage.prototype.removeItem = () => {}")
    await chat.page.evaluate(click)
    await tab.page.evaluate(click)
    await chat.ended()
    await tab.ended()
    for each in (chat, tab):
        await expect(each.questions).to_have_count(2)
        await expect(each.answers).to_have_count(2)
    assert vendor.questions.count("sent from two tabs") == 1


@pytest.mark.parametrize("status", [401, 409, 413, 500, 0])
async def test_a_message_that_is_refused_is_in_the_field_again(chat: ChatPage, status: int) -> None:
    await chat.ask_and_wait(f"before the refusal {status}")

    async def refuse(route: Route) -> None:
        if not status:
            await route.abort("internetdisconnected")
        else:
            problem = {"detail": "refused by the test"}
            await route.fulfill(status=status, json=problem, headers={"content-type": "application/problem+json"})

    await chat.page.route("**/stream", refuse)
    await chat.page.set_input_files("#file", {"name": "log.txt", "mimeType": "text/plain", "buffer": b"line 1"})
    await chat.ask("do not lose me")
    if status == 401:
        await expect(chat.page.locator("#login")).to_be_visible()
        await chat.page.unroute("**/stream")
        await chat.page.click("#tab-key")
        await chat.page.fill("#key", chat.system.key)
        await chat.page.press("#key", "Enter")
    await expect(chat.page.locator("#question")).to_have_value("do not lose me")
    await expect(chat.page.locator("#files .chip")).to_contain_text("log.txt")
    await expect(chat.questions).to_have_count(1)
    await chat.page.reload()
    await expect(chat.page.locator("#question")).to_have_value("do not lose me")
    await expect(chat.page.locator("#files .chip")).to_contain_text("log.txt")
    await chat.page.unroute("**/stream")
    await expect(chat.questions).to_have_count(1)
    await chat.page.press("#question", "Enter")
    await expect(chat.questions).to_have_count(2)
    await chat.ended()
    await chat.page.reload()
    await expect(chat.questions).to_have_count(2)
    await expect(chat.page.locator("#question")).to_have_value("")


async def test_a_draft_is_kept_per_conversation_and_gone_after_signing_out(chat: ChatPage) -> None:
    await chat.ask_and_wait("home of the draft")
    await chat.page.fill("#question", "a draft for here")
    await chat.new_conversation()
    await expect(chat.page.locator("#question")).to_have_value("")
    await chat.page.fill("#question", "a draft for a new one")
    await chat.page.go_back()
    await expect(chat.page.locator("#question")).to_have_value("a draft for here")
    await chat.page.click("#logout")
    await expect(chat.page.locator("#login")).to_be_visible()
    stored = await chat.page.evaluate("Object.entries(localStorage).join()")
    assert "draft for" not in stored
    await chat.sign_in()
    await expect(chat.page.locator("#question")).to_have_value("")


async def test_a_message_under_way_when_the_page_goes_is_there_again(chat: ChatPage) -> None:
    await chat.ask_and_wait("before the crash")
    await chat.page.route("**/stream", lambda route: None)
    await chat.ask("sent and never answered")
    await expect(chat.page.locator("#stop")).to_be_visible()
    await chat.page.reload()
    await expect(chat.page.locator("#question")).to_have_value("sent and never answered")


async def test_three_answers_at_once_stay_in_their_conversations(chat: ChatPage, vendor: ScriptedVendor) -> None:
    names = ("alpha", "beta", "gamma")
    homes = {}
    for name in names:
        vendor.replies[f"tell {name}"] = slow(name)
        await chat.new_conversation()
        await chat.ask(f"tell {name}")
        await expect(chat.answer).to_contain_text(f"{name}0 ")
        homes[name] = chat.conversation
    choose = random.Random(7)
    for _ in range(200):
        name = choose.choice(names)
        await chat.page.locator(f'li[data-id="{homes[name]}"] a').click()
        text = await chat.answer.inner_text()
        assert all(word.startswith(name) for word in text.split()), text
    assert chat.count("POST", r"/conversations$") == 3
    for name in names:
        await chat.page.locator(f'li[data-id="{homes[name]}"] a').click()
        await expect(chat.answer).to_have_text("".join(vendor.replies[f"tell {name}"].chunks).strip())
        await expect(chat.answers).to_have_count(1)


async def test_a_reload_at_any_moment_gives_the_same_text(chat: ChatPage, vendor: ScriptedVendor) -> None:
    vendor.replies["reload me"] = slow("reloaded")
    await chat.ask("reload me")
    for piece in (0, 7, 20, 33):
        await expect(chat.answer).to_contain_text(f"reloaded{piece} ")
        await chat.page.reload()
        await expect(chat.questions).to_have_count(1)
    await expect(chat.answer).to_have_text("".join(vendor.replies["reload me"].chunks).strip())
    await chat.ended()
    live = await chat.answers.inner_text()
    await chat.page.reload()
    await chat.ended()
    assert await chat.answers.inner_text() == live
    await expect(chat.answers).to_have_count(1)


async def test_stop_works_before_the_first_word(chat: ChatPage, vendor: ScriptedVendor) -> None:
    vendor.replies["stop me early"] = Reply(chunks=PIECES, hang_after=0)
    await chat.ask("stop me early")
    await chat.page.click("#stop")
    await expect(chat.page.locator("#send")).to_be_visible()
    await expect(chat.answers.last.locator(".foot")).to_contain_text("Stopped")
    await expect(chat.answers.last.locator(".again")).to_be_visible()


async def test_stop_works_while_the_answer_to_a_tool_is_awaited(chat: ChatPage, vendor: ScriptedVendor) -> None:
    call = FakeToolCall(name="list_devices", arguments="{}")
    vendor.replies["stop at a tool"] = Reply(tool_calls=[call], finish_reason="tool_calls")
    vendor.replies["after tools: stop at a tool"] = Reply(chunks=PIECES, hang_after=0)
    await chat.ask("stop at a tool")
    await expect(chat.answers.last.locator(".step.done")).to_have_count(1)
    await chat.page.click("#stop")
    await expect(chat.answers.last.locator(".foot")).to_contain_text("Stopped")
    await chat.page.reload()
    await expect(chat.answers.last.locator(".foot")).to_contain_text("Stopped")
    await expect(chat.answers.last.locator(".step.running")).to_have_count(0)
    await chat.ask_and_wait("and on it goes")
    await expect(chat.answer).to_have_text("You said: and on it goes")


@pytest.mark.parametrize("place", ["after a reload", "from another tab"])
async def test_stop_works_elsewhere_and_what_was_said_is_what_is_stored(
    chat: ChatPage, vendor: ScriptedVendor, place: str
) -> None:
    vendor.replies[f"stop {place}"] = Reply(chunks=UntilTold("piece"), chunk_delay=0.05)
    await chat.ask(f"stop {place}")
    await expect(chat.answer).to_contain_text("piece3 ")
    where = chat
    if place == "after a reload":
        await chat.page.reload()
    else:
        where = await chat.another_tab(f"/c/{chat.conversation}")
    await expect(where.answer).to_contain_text("piece5 ")
    await where.page.click("#stop")
    for each in (where, chat):
        await expect(each.answers.last.locator(".foot")).to_contain_text("Stopped")
    shown = await where.answer.inner_text()
    await expect(chat.answer).to_have_text(shown)
    await chat.page.reload()
    await chat.ended()
    assert await chat.answer.inner_text() == shown


async def test_another_tab_shows_the_question_and_the_answer_as_it_grows(
    chat: ChatPage, vendor: ScriptedVendor
) -> None:
    await chat.ask_and_wait("tabs together")
    tab = await chat.another_tab(f"/c/{chat.conversation}")
    await expect(tab.questions).to_have_count(1)
    pieces = UntilTold("piece")
    vendor.replies["watched by two"] = Reply(chunks=pieces, chunk_delay=0.05)
    await chat.ask("watched by two")
    await expect(tab.answer).to_contain_text("piece2 ")
    await expect(tab.questions.last).to_contain_text("watched by two")
    pieces.told = True
    await chat.ended()
    shown = await chat.answer.inner_text()
    await expect(tab.answer).to_have_text(shown)
    assert shown.split() == [f"piece{number}" for number in range(len(shown.split()))]
    assert tab.count("GET", "/streams/") == 0
    assert tab.faults == []


async def test_a_tab_that_reads_slowly_what_another_asks_ends_up_with_all_of_it(chat: ChatPage) -> None:
    await chat.ask_and_wait("The first question")
    tab = await chat.another_tab(f"/c/{chat.conversation}")
    await expect(tab.questions).to_have_count(1)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        if held:
            await route.continue_()
        else:
            # Read before the second question is stored, and told after it was answered.
            response = await route.fetch()
            held.append(route)
            await chat.ended()
            await chat.ask_and_wait("The second question")
            await expect(tab.answer).to_have_text("You said: The second question")
            await route.fulfill(response=response)

    await tab.page.route("**/messages?*", hold)
    await chat.ask_and_wait("The question between")
    await expect(tab.questions).to_have_count(3)
    await expect(tab.answers).to_have_count(3)
