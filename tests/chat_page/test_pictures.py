"""Pictures in the chat: chosen, pasted or dropped, scaled down, kept like what is typed, shown to the model."""

import base64
import struct
from typing import Any, Final

import pytest
from playwright.async_api import FilePayload, Route, expect

from penstock_testkit.pictures import gif, png
from tests.chat_page.chat_page import ChatPage
from tests.chat_page.conftest import ScriptedVendor

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOWN: Final = "article.user .pictures img"
CHIPS: Final = "#files .chip img"
# Makes a picture that compresses badly and hands it to the page as one that was dropped or pasted.
HAND_OVER: Final = """async ([kind, width, height, name, type]) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    const noise = context.createImageData(width, height);
    const words = new Uint32Array(noise.data.buffer);
    for (let at = 0, seed = 7; at < words.length; at += 1) {
        seed = (seed * 1103515245 + 12345) >>> 0;
        words[at] = seed | 0xff000000;
    }
    context.putImageData(noise, 0, 0);
    const transfer = new DataTransfer();
    transfer.items.add(new File([await canvas.convertToBlob({type, quality: 0.95})], name, {type}));
    const options = {bubbles: true, cancelable: true};
    const event = kind === "drop" ? new DragEvent("drop", {...options, dataTransfer: transfer})
        : new ClipboardEvent("paste", {...options, clipboardData: transfer});
    document.getElementById("question").dispatchEvent(event);
}"""


def file(name: str, buffer: bytes, mime_type: str = "image/png") -> FilePayload:
    return {"name": name, "mimeType": mime_type, "buffer": buffer}


def seen(vendor: ScriptedVendor, place: int = -1) -> list[bytes]:
    """The pictures of a message that the vendor was asked with last."""
    users = [each for each in vendor.received[-1].body["messages"] if each["role"] == "user"]
    content: Any = users[place]["content"]
    urls = (
        [part["image_url"]["url"] for part in content if part["type"] == "image_url"] if content != str(content) else []
    )
    return [base64.b64decode(url.partition(",")[2]) for url in urls]


def size_of_png(data: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II", data, 16)


async def test_a_picture_is_previewed_sent_with_words_and_shown_after_a_reload(
    chat: ChatPage, vendor: ScriptedVendor
) -> None:
    await chat.page.set_input_files(
        "#file", [file("plate.png", png(width=40, height=30)), file("notes.txt", b"text", "")]
    )
    await expect(chat.page.locator(CHIPS)).to_have_attribute("alt", "plate.png")
    await expect(chat.page.locator("#files .chip")).to_have_count(2)
    await chat.ask_and_wait("What does it say?")
    (sent,) = seen(vendor)
    assert size_of_png(sent) == (40, 30)
    await expect(chat.page.locator("#files .chip")).to_have_count(0)
    await expect(chat.questions.last).to_contain_text("What does it say?")
    for _ in range(2):
        picture = chat.page.locator(SHOWN)
        await expect(picture).to_have_js_property("naturalWidth", 40)
        assert await picture.get_attribute("alt")
        assert str(await chat.page.locator("article.user .pictures a").get_attribute("href")).startswith("blob:")
        await expect(chat.questions.locator(".file")).to_have_count(1)
        await chat.page.reload()
        await expect(chat.questions).to_have_count(1)


async def test_a_picture_alone_is_a_question_and_the_next_one_remembers_it(
    chat: ChatPage, vendor: ScriptedVendor
) -> None:
    await chat.page.set_input_files("#file", file("a.gif", gif(), "image/gif"))
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.page.click("#send")
    await chat.ended()
    await chat.ask_and_wait("And what is that?")
    assert len(seen(vendor, 0)) == 1
    assert seen(vendor) == []


@pytest.mark.parametrize("way", ["drop", "paste"])
async def test_a_large_picture_is_scaled_down_before_it_is_sent(
    chat: ChatPage, vendor: ScriptedVendor, way: str
) -> None:
    await chat.page.evaluate(HAND_OVER, [way, 2400, 1200, "photo.jpg", "image/jpeg"])
    await expect(chat.page.locator(CHIPS)).to_have_attribute("alt", "photo.jpg")
    await chat.ask_and_wait("Large")
    (sent,) = seen(vendor)
    assert sent.startswith(b"\xff\xd8\xff")
    assert 10_000 < len(sent) <= 700_000
    width = await chat.page.locator(SHOWN).evaluate("(image) => image.naturalWidth")
    assert 300 < width <= 1568


async def test_a_fifth_picture_and_what_is_none_are_refused_by_name(chat: ChatPage) -> None:
    await chat.page.set_input_files("#file", [file(f"{number}.png", png()) for number in range(5)])
    await expect(chat.page.locator(".toast")).to_contain_text("four pictures")
    await expect(chat.page.locator(CHIPS)).to_have_count(4)
    await chat.page.get_by_label("Remove: 1.png").click()
    await chat.page.set_input_files("#file", file("broken.png", png()[:30]))
    await expect(chat.page.locator(".toast").last).to_contain_text("broken.png")
    names = await chat.page.locator(CHIPS).evaluate_all("(all) => all.map((each) => each.alt)")
    assert names == ["0.png", "2.png", "3.png"]


async def test_pictures_that_were_not_sent_are_kept_over_a_reload_and_shown_in_another_tab(chat: ChatPage) -> None:
    await chat.page.set_input_files("#file", file("kept.png", png(width=40, height=30)))
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.page.fill("#question", "half a sen")
    await chat.page.reload()
    await expect(chat.page.locator("#question")).to_have_value("half a sen")
    await expect(chat.page.locator(CHIPS)).to_have_js_property("naturalWidth", 40)
    tab = await chat.another_tab()
    await expect(tab.page.locator(CHIPS)).to_have_attribute("alt", "kept.png")
    await tab.page.get_by_label("Remove: kept.png").click()
    await expect(chat.page.locator(CHIPS)).to_have_count(0)
    await expect(chat.page.locator("#question")).to_have_value("half a sen")


async def test_a_refused_question_is_in_the_field_again_with_its_pictures(
    chat: ChatPage, vendor: ScriptedVendor
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, json={"detail": "too much to do", "reason": "LOAD_LIMIT_EXCEEDED"})

    await chat.page.route("**/stream", refuse)
    await chat.page.set_input_files("#file", file("kept.png", png(width=40, height=30)))
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.ask("Refused at first")
    await expect(chat.page.locator(".toast")).to_contain_text("too much to do")
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.page.unroute("**/stream")
    await chat.page.press("#question", "Enter")
    await chat.ended()
    assert [size_of_png(each) for each in seen(vendor)] == [(40, 30)]


async def test_edit_puts_the_pictures_back_and_ask_again_sends_them_again(
    chat: ChatPage, vendor: ScriptedVendor
) -> None:
    await chat.page.set_input_files("#file", file("plate.png", png(width=40, height=30)))
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.ask_and_wait("What does it say?")
    await chat.page.reload()
    await expect(chat.page.locator(SHOWN)).to_have_js_property("naturalWidth", 40)
    await chat.answers.last.locator(".again").click()
    await expect(chat.answers).to_have_count(2)
    await chat.ended()
    assert [size_of_png(each) for each in seen(vendor)] == [(40, 30)]
    await chat.questions.last.hover()
    await chat.questions.last.get_by_role("button", name="Edit").click()
    await expect(chat.page.locator("#question")).to_have_value("What does it say?")
    await expect(chat.page.locator(CHIPS)).to_have_js_property("naturalWidth", 40)


async def test_pictures_that_the_browsers_storage_does_not_hold_are_sent_all_the_same(
    chat: ChatPage, vendor: ScriptedVendor
) -> None:
    await chat.page.evaluate("""() => {
        for (let size = 4_000_000, number = 0; size > 2000; number += 1) {
            try { localStorage.setItem(`other.${number}`, "x".repeat(size)); } catch { size = Math.floor(size / 2); }
        }
    }""")
    await chat.page.evaluate(HAND_OVER, ["drop", 700, 700, "photo.png", "image/png"])
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.page.fill("#question", "Kept in this tab")
    await chat.new_conversation()
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.page.press("#question", "Enter")
    await chat.ended()
    assert len(seen(vendor)) == 1


async def test_another_tab_shows_the_pictures_of_a_question(chat: ChatPage) -> None:
    await chat.ask_and_wait("First")
    tab = await chat.another_tab(f"/c/{chat.conversation}")
    await expect(tab.questions).to_have_count(1)
    await chat.page.set_input_files("#file", file("plate.png", png(width=40, height=30)))
    await expect(chat.page.locator(CHIPS)).to_have_count(1)
    await chat.ask_and_wait("Second")
    await expect(tab.page.locator(SHOWN)).to_have_js_property("naturalWidth", 40)
    assert tab.faults == []


async def test_previews_and_pictures_fit_a_phone_and_are_reached_by_keys(chat: ChatPage) -> None:
    await chat.page.set_viewport_size({"width": 360, "height": 640})
    await chat.page.evaluate(HAND_OVER, ["drop", 1200, 500, "wide.png", "image/png"])
    await chat.page.set_input_files("#file", [file(f"{number}.png", png(width=300, height=200)) for number in range(3)])
    await expect(chat.page.locator(CHIPS)).to_have_count(4)
    await chat.page.get_by_label("Remove: 2.png").focus()
    await chat.page.keyboard.press("Enter")
    await expect(chat.page.locator(CHIPS)).to_have_count(3)
    await expect(chat.page.locator("#question")).to_be_focused()
    await chat.ask_and_wait("Narrow")
    await expect(chat.page.locator(SHOWN).first).to_have_js_property("complete", True)
    fits = "document.documentElement.scrollWidth <= 360 && document.getElementById('messages').scrollWidth <= 360"
    assert await chat.page.evaluate(fits)
    await chat.page.locator(".pictures a").first.focus()
    async with chat.page.context.expect_page() as opened:
        await chat.page.keyboard.press("Enter")
    assert (await opened.value).url.startswith("blob:")
