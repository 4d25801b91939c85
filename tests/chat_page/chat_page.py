"""What tests do with the chat page, in the words of a user."""

import re
from typing import Final

from playwright.async_api import Locator, Page, Request, expect

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import until_true

_BREACH: Final = "Content Security Policy"


class ChatPage:
    """A tab at the chat. `faults` are script errors, breaches of the policy and requests to other hosts."""

    def __init__(self, page: Page, system: RunningSystem) -> None:
        self.page = page
        self.system = system
        self.faults: list[str] = []
        self.requests: list[Request] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if _BREACH in line.text else None)
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((self.system.url, "data:", "blob:")):
            self.faults.append(f"a request to {request.url}")

    def count(self, method: str, pattern: str) -> int:
        """Return how many requests of `method` went to paths that match `pattern`."""
        return sum(request.method == method and bool(re.search(pattern, request.url)) for request in self.requests)

    async def sign_in(self) -> None:
        """Open the page and log in with the first key."""
        await self.page.goto(self.system.url)
        await self.page.click("#tab-key")
        await self.page.fill("#key", self.system.key)
        await self.page.press("#key", "Enter")
        await self.page.wait_for_selector("#question:visible")

    async def another_tab(self, path: str = "") -> "ChatPage":
        """Return another tab of the same browser, signed in like this one."""
        tab = ChatPage(await self.page.context.new_page(), self.system)
        await tab.page.goto(self.system.url + path)
        await tab.page.wait_for_selector("body[data-live] #question:visible")
        return tab

    async def ask(self, text: str) -> None:
        """Type a question and press Enter."""
        await self.page.fill("#question", text)
        await self.page.press("#question", "Enter")

    async def ask_and_wait(self, text: str) -> None:
        """Ask, and wait until the answer is complete."""
        await self.ask(text)
        await self.ended()

    async def ended(self) -> None:
        """Wait until the last answer has ended."""
        await expect(self.answers.last.locator(".foot .actions")).to_be_visible()
        await expect(self.page.locator("#send")).to_be_visible()

    async def new_conversation(self) -> None:
        """Leave what is shown for a new conversation."""
        await self.page.click("#new")
        await expect(self.page.locator("#empty")).to_be_visible()

    async def api(self, path: str) -> object:
        """Return what the gateway answers to a GET of the signed-in user."""
        script = """async (path) => (await fetch(path, {headers: {authorization:
            `Bearer ${JSON.parse(localStorage.getItem("penstock.credentials")).bearer}`}})).json()"""
        return await self.page.evaluate(script, path)

    async def copied(self, text: str) -> None:
        """Wait until `text` is what was copied last."""

        async def is_copied() -> bool:
            return await self.page.evaluate("navigator.clipboard.readText()") == text

        await until_true(is_copied)

    async def scrolled(self) -> float:
        """Return where the messages stand when they do not move any more: a wheel's way takes the browser a moment."""
        script = """async () => {
            const messages = document.getElementById("messages");
            const frames = async (count) => { while (count--) await new Promise(requestAnimationFrame); };
            let place;
            do { place = messages.scrollTop; await frames(10); } while (messages.scrollTop !== place);
            return place;
        }"""
        return await self.page.evaluate(script)

    @property
    def conversation(self) -> str:
        """The id in the page's address, "" for none."""
        found = re.search(r"/c/([\w-]+)$", self.page.url)
        return found[1] if found else ""

    @property
    def answers(self) -> Locator:
        """The answers that are shown."""
        return self.page.locator("article.assistant")

    @property
    def answer(self) -> Locator:
        """The text of the last answer."""
        return self.answers.last.locator(".text")

    @property
    def questions(self) -> Locator:
        """The questions that are shown."""
        return self.page.locator("article.user")

    @property
    def rows(self) -> Locator:
        """The entries of the list of conversations."""
        return self.page.locator("#conversations li")

    def row(self, title: str) -> Locator:
        """Return the entry of that title."""
        return self.rows.filter(has_text=title)
