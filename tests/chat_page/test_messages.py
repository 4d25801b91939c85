"""What can be done with messages: edit and ask again keep the files; nothing is sent while a file is read."""

from playwright.async_api import expect

from tests.chat_page.chat_page import ChatPage
from tests.chat_page.conftest import ScriptedVendor

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
