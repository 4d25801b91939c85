"""What can be done with messages: edit and ask again keep the files; nothing is sent while a file is read."""

import pytest
from playwright.async_api import expect

from chat_stream_service.domain.stream import run_factory, terminal_event
from tests.chat_page.chat_page import ChatPage
from tests.chat_page.conftest import ScriptedVendor

pytestmark = pytest.mark.asyncio(loop_scope="module")

_FILE = {"name": "log.txt", "mimeType": "text/plain", "buffer": b"line 1\n```\nline 2\n"}
_CONTENT = "read this\n\n[file: log.txt]\n````\nline 1\n```\nline 2\n````"


async def test_edit_and_ask_again_keep_the_files(chat: ChatPage, vendor: ScriptedVendor) -> None:
    await chat.page.set_input_files("#file", _FILE)
    await expect(chat.page.locator("#files .chip")).to_contain_text("log.txt")
    await chat.ask_and_wait("read this")
    assert vendor.questions.count(_CONTENT) == 1
    await expect(chat.questions.locator(".file summary")).to_have_text("📄 log.txt")
    await chat.answers.last.locator(".again").click()
    await expect(chat.questions).to_have_count(2)
    await chat.ended()
    assert vendor.questions.count(_CONTENT) == 2
    await chat.questions.first.hover()
    await chat.questions.first.get_by_role("button", name="Edit").click()
    await expect(chat.page.locator("#question")).to_have_value("read this")
    await expect(chat.page.locator("#files .chip")).to_contain_text("log.txt")
    await chat.ask_and_wait("read that")
    assert vendor.questions[-1] == _CONTENT.replace("read this", "read that")


async def test_send_waits_until_a_file_is_read(chat: ChatPage) -> None:
    await chat.page.evaluate("""() => {
        const read = File.prototype.arrayBuffer;
        File.prototype.arrayBuffer = async function () {
            await new Promise((done) => { window.letRead = done; });
            return read.call(this);
        };
    }""")
    await chat.page.set_input_files("#file", {**_FILE, "buffer": b"slow"})
    await expect(chat.page.locator("#files")).to_contain_text("Reading")
    await chat.ask("sent too early")
    await expect(chat.page.locator("#send")).to_be_disabled()
    assert chat.count("POST", "/conversations") == 0
    await chat.page.evaluate("window.letRead()")
    await expect(chat.page.locator("#send")).to_be_enabled()
    await chat.page.press("#question", "Enter")
    await expect(chat.questions.locator(".file")).to_have_count(1)


async def test_a_file_that_is_no_text_is_refused_by_name(chat: ChatPage) -> None:
    await chat.page.set_input_files("#file", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"\x00"})
    await expect(chat.page.locator(".toast")).to_contain_text("a.mp4")
    await chat.page.set_input_files("#file", {"name": "b.bin", "mimeType": "", "buffer": b"\xff\xfe\x00"})
    await expect(chat.page.locator(".toast").last).to_contain_text("b.bin")
    await expect(chat.page.locator("#files .chip")).to_have_count(0)


async def test_what_the_server_says_of_an_answer_is_said_in_the_pages_language(chat: ChatPage) -> None:
    told = [
        terminal_event._FILTERED,
        run_factory._PERSONALITY_GONE,
        terminal_event._UNSEEN.format(model="openai/gpt-5"),
    ]
    await chat.page.evaluate("localStorage.setItem('penstock.language', 'zh')")
    await chat.page.reload()
    read = """async (told) => { const {notice} = await import("/static/i18n.js"); return told.map(notice); }"""
    shown = await chat.page.evaluate(read, [*told, "unknown: openai/gpt-5"])
    assert all(any("\u4e00" <= character <= "\u9fff" for character in text) for text in shown[:3]), shown
    assert "openai/gpt-5" in shown[2]
    assert shown[3] == "unknown: openai/gpt-5"
    await chat.page.evaluate("localStorage.setItem('penstock.language', 'en')")
    await chat.page.reload()
    assert await chat.page.evaluate(read, told) == told
