"""An MCP server as a source of tools: connected in the background, connected again when it comes back."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

from chat_stream_service.adapters.json_schema.fitness import unchecked_patterns
from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.masked_tool import MaskedTool, SecretMask
from chat_stream_service.adapters.operator_tools.mcp_session import McpSession, SessionForgotten, failure_of
from chat_stream_service.adapters.operator_tools.mcp_vetting import OnUnfit
from chat_stream_service.adapters.operator_tools.tool_description import ToolChanges, ToolDescription
from chat_stream_service.domain.model.tool import Arguments, Tool, ToolContext
from chat_stream_service.domain.tools.tool_box import bounded
from chat_stream_service.domain.tools.tool_breaker import BreakerTool
from penstock_kit.breaker import Breaker
from penstock_kit.clock import Clock
from penstock_kit.errors import BadUpstream, DeadlineExceeded, PenstockError, Unavailable
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

# Seconds: between two looks at a server's list, and between attempts to reach one that is down (doubling).
_REFRESH: Final = 60.0
_LONGEST_PAUSE: Final = 30.0
_MOST_DOUBLINGS: Final = 5
# Seconds between two lists of a server that says again and again that its tools changed.
_LIST_PAUSE: Final = 1.0
# Tools left out that are remembered, so that each is told of once.
_MOST_UNFIT: Final = 500

Connect = Callable[[OnUnfit], AbstractAsyncContextManager[McpSession]]

log = get_logger(__name__)


class McpTool:
    """One tool of a server; see Tool."""

    def __init__(self, server: "McpServer", described: ToolDescription) -> None:
        self._server = server
        self.described = described

    @property
    def name(self) -> str:
        """The name its server gives it."""
        return self.described.name

    @property
    def description(self) -> str:
        """The description its server gives."""
        return self.described.description

    @property
    def schema(self) -> Mapping[str, Any]:
        """The schema its server gives."""
        return self.described.schema

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the result, cut to what it may be long."""
        return await self._server.call(self.name, arguments, context)


class McpServer:
    """Keeps one connection in a task of its own. While the server is down its last known tools stay listed.

    A call waits for a connection no longer than the entry's time, and through the breaker only one call in a while
    waits for a server that is down.
    """

    def __init__(
        self,
        entry: McpEntry,
        connect: Connect,
        breaker: Breaker,
        *,
        max_seconds: float,
        clock: Clock,
        mask: SecretMask,
    ) -> None:
        self._mask = mask
        self._entry = entry
        self._connect = connect
        self._breaker = breaker
        self._seconds = min(entry.timeout_seconds, max_seconds)
        self._clock = clock
        self._tools: dict[str, tuple[ToolDescription, Tool]] = {}
        # Tools that are left out, and why.
        self._unfit: dict[str, str] = {}
        self._changes = ToolChanges()
        self._session: McpSession | None = None
        self._was_connected = False
        self._attempts = 0
        self._changed = asyncio.Event()
        self._lost = asyncio.Event()
        self._wanted = asyncio.Event()
        self._failure = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Name of the entry."""
        return self._entry.name

    def tools(self) -> Sequence[Tool]:
        """Return the tools of the last list."""
        return [tool for _, tool in self._tools.values()]

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(supervise(f"mcp:{self.name}", self._keep))

    async def close(self) -> None:
        """Disconnect for good."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def try_connect(self) -> bool:
        """Return whether the server is connected, after the attempt under way or to come if it is not."""
        before = self._attempts
        self._wanted.set()
        while self._session is None and self._attempts == before:
            await self._changed.wait()
        return self._session is not None

    async def call(self, tool: str, arguments: Arguments, context: ToolContext) -> str:
        """Call a tool. DeadlineExceeded and Unavailable when the server does not answer; else see McpSession."""
        try:
            async with asyncio.timeout(self._seconds):
                text = await self._call_logged(tool, arguments)
        except TimeoutError:
            raise DeadlineExceeded(f"{tool} did not answer within {self._seconds:g} s", reason="TOOL_TIMEOUT") from None
        limit = min(self._entry.max_result_characters or context.max_characters, context.max_characters)
        return bounded(text, limit)

    async def _call_logged(self, tool: str, arguments: Arguments) -> str:
        """Return the result; a call that a forgotten session cost is made once more in the next one."""
        await self.try_connect()
        try:
            return await self._call(tool, arguments)
        except SessionForgotten:
            await self.try_connect()
            return await self._call(tool, arguments)

    async def _call(self, tool: str, arguments: Arguments) -> str:
        session = self._session
        if session is None:
            raise Unavailable(f"{tool}: its server {self.name} is down ({self._failure})", reason="TOOL_UNAVAILABLE")
        try:
            return await session.call(tool, arguments)
        except Unavailable:
            self._on_session_lost(session)
            raise
        except PenstockError:
            raise
        except Exception as error:
            self._on_session_lost(session)
            raise BadUpstream(f"{tool}: {failure_of(error)}", reason="TOOL_FAILED") from error

    async def _keep(self) -> None:
        """Connect, stay connected until the connection is lost, and again: at once after the first loss in a while."""
        short_lives = 0
        while True:
            began = self._clock.monotonic()
            self._was_connected = False
            try:
                async with self._connect(self._note_unfit) as session:
                    await self._keep_open(session)
            except Exception as error:  # noqa: BLE001 - whatever a foreign server does, we try again
                self._note_down(failure_of(error))
            self._session = None
            short_lives = 0 if self._clock.monotonic() - began > _REFRESH else short_lives + 1
            if self._was_connected and short_lives <= 1:
                continue
            self._wanted.clear()
            self._note_change()
            pause = min(2.0 ** min(short_lives, _MOST_DOUBLINGS), _LONGEST_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()

    async def _keep_open(self, session: McpSession) -> None:
        """Use `session` until it is lost, looking at the list of tools now and then."""
        self._lost.clear()
        while not self._lost.is_set():
            session.changed.clear()
            async with asyncio.timeout(self._seconds):
                described = await session.list_tools()
            self._note_tools(described)
            if not self._was_connected:
                self._session, self._was_connected = session, True
                self._note_change()
            await self._wait_until_due(session)

    async def _wait_until_due(self, session: McpSession) -> None:
        """Wait until the session is lost, the server says that its tools changed, or it is time to look again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LIST_PAUSE):
                await self._lost.wait()
        waits = [asyncio.create_task(event.wait()) for event in (self._lost, session.changed)]
        try:
            await asyncio.wait(waits, timeout=_REFRESH, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _on_session_lost(self, session: McpSession) -> None:
        """Have the connection made anew; who calls meanwhile waits for that."""
        if self._session is session:
            self._session = None
            self._lost.set()

    def _make_tool(self, described: ToolDescription) -> Tool:
        return MaskedTool(BreakerTool(McpTool(self, described), self._breaker), self._mask)

    def _note_unfit(self, tool: str, problem: str) -> None:
        if self._unfit.get(tool) != problem and len(self._unfit) < _MOST_UNFIT:
            self._unfit[tool] = problem
            log.warning("a tool of an mcp server is left out", server=self.name, tool=tool, detail=problem)

    def _note_tools(self, described: Sequence[ToolDescription]) -> None:
        """Keep the tools that are as they were, so that whoever knows them goes on knowing them."""
        before = self._tools
        self._tools = {}
        for tool in described:
            kept = before.get(tool.name)
            same = kept is not None and kept[0] == tool
            self._tools[tool.name] = kept if same and kept else (tool, self._make_tool(tool))
            if not same:
                self._note_patterns(tool)
        if changed := self._changes.note(described):
            log.warning("an mcp server changed tools that it had offered", server=self.name, tools=changed)
        if not self._was_connected:
            log.info("mcp server connected", server=self.name, tools=list(self._tools))
            self._failure = ""
            self._breaker.record_success()

    def _note_patterns(self, tool: ToolDescription) -> None:
        for pattern in unchecked_patterns(tool.schema):
            log.info("a pattern is left to the mcp server", server=self.name, tool=tool.name, pattern=pattern)

    def _note_down(self, failure: str) -> None:
        if failure != self._failure:
            log.warning("mcp server is down", server=self.name, detail=failure)
        self._failure = failure

    def _note_change(self) -> None:
        self._attempts += 1
        self._changed.set()
        self._changed = asyncio.Event()
