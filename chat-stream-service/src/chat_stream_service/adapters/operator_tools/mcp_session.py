"""A connection to an MCP server through the official SDK: its tools listed, one of them called."""

import asyncio
import importlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.mcp_pace import MessagePace
from chat_stream_service.adapters.operator_tools.mcp_reply import ANSWER_TOO_LONG, SESSION_FORGOTTEN
from chat_stream_service.adapters.operator_tools.mcp_transport import open_transport
from chat_stream_service.adapters.operator_tools.mcp_vetting import OnUnfit
from chat_stream_service.adapters.operator_tools.tool_description import ToolDescription
from penstock_kit.errors import FailedPrecondition, PenstockError, Unavailable
from penstock_kit.logging import get_logger
from penstock_kit.outbound.destinations import Destinations

_MAX_DESCRIPTION: Final = 4000
_MAX_PAGES: Final = 100
# A server that is started by a command may take its time.
_CONNECT_SECONDS: Final = 30.0
# Between two attempts to hear of changes from a server that ended the last one.
_LISTEN_PAUSE: Final = 5.0

log = get_logger(__name__)


class SessionForgotten(Unavailable):
    """The server does not know the session any more, so it did nothing: the call may be made again in another."""


class McpSession:
    """What we ask of a connected server; `changed` is set when it says that its tools are others, or exceeds `pace`:
    from then on it is asked for nothing."""

    def __init__(self, client: Any, entry: McpEntry, changed: asyncio.Event, pace: MessagePace) -> None:
        self._pace = pace
        self._client = client
        self._entry = entry
        self.changed = changed

    async def list_tools(self) -> tuple[ToolDescription, ...]:
        """Return the allowed ones of the server's tools, at most the entry's number; Unavailable (TOOL_UNAVAILABLE)
        when it talks too much."""
        from mcp import MCPError

        self._check_pace()
        found: list[ToolDescription] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            try:
                page = await self._client.list_tools(cursor=cursor)
            except MCPError:
                self._check_pace()
                raise
            found += [_described(tool) for tool in page.tools if self._allowed(tool.name)]
            cursor = page.next_cursor
            if cursor is None or len(found) >= self._entry.max_tools:
                break
        return tuple(found[: self._entry.max_tools])

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Return a tool's result as text.

        Raises FailedPrecondition when the tool says that it failed, the server does not take the call or answers more
        than is read; SessionForgotten; Unavailable (TOOL_UNAVAILABLE) when the connection is of no more use.
        """
        from mcp import MCPError

        self._check_pace(f"{tool}: ")
        try:
            result = await self._client.call_tool(tool, dict(arguments))
        except MCPError as error:
            self._check_pace(f"{tool}: ")
            raise _failure(tool, error) from error
        text = _text(result)
        if result.is_error:
            raise FailedPrecondition(text or f"{tool} failed and does not say why", reason="TOOL_FAILED")
        return text

    def _check_pace(self, whose: str = "") -> None:
        if self._pace.exceeded:
            raise Unavailable(whose + self._pace.problem, reason="TOOL_UNAVAILABLE")

    def _allowed(self, name: str) -> bool:
        return not self._entry.tools or name in self._entry.tools


@asynccontextmanager
async def connect(entry: McpEntry, destinations: Destinations, on_unfit: OnUnfit) -> AsyncGenerator[McpSession]:
    """Connect to the entry's server and shake hands; PenstockError or the SDK's own errors when that fails."""
    # Two seconds of work for a cold disk: not on the event loop.
    sdk: Any = await asyncio.to_thread(importlib.import_module, "mcp")
    changed, pace = asyncio.Event(), MessagePace()
    pace.on_excess = changed.set
    transport = open_transport(entry, destinations, on_unfit, pace)
    client = sdk.Client(transport, cache=None, message_handler=_change_handler(changed))
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(_CONNECT_SECONDS):
            connected = await stack.enter_async_context(client)
        listening = asyncio.create_task(_listen(connected, changed))
        try:
            yield McpSession(connected, entry, changed, pace)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def _change_handler(changed: asyncio.Event) -> Any:
    """Return what handlers the notifications of a server: of those before 2026-07-28, which send them unasked."""

    async def on_message(message: Any) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            changed.set()

    return on_message


async def _listen(client: Any, changed: asyncio.Event) -> None:
    """Hear of changes from servers of 2026-07-28 on, which have to be asked; ends when this one tells of none."""
    from mcp import MCPError
    from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

    while True:
        try:
            async with client.listen(tools_list_changed=True) as subscription:
                async for _ in subscription:
                    changed.set()
        except (ListenNotSupportedError, MCPError):
            return
        except SubscriptionLost:
            log.debug("an mcp server ended its subscription")
        await asyncio.sleep(_LISTEN_PAUSE)
        changed.set()


def _failure(tool: str, error: Any) -> PenstockError:
    """Return what an error of the protocol says of the call and of the connection."""
    from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND

    if error.code == SESSION_FORGOTTEN:
        return SessionForgotten(f"{tool}: {error.message}", reason="TOOL_UNAVAILABLE")
    if error.code == ANSWER_TOO_LONG:
        return FailedPrecondition(f"{tool}: {error.message}", reason="TOOL_ANSWER_LIMIT_EXCEEDED")
    if error.code in (INVALID_PARAMS, METHOD_NOT_FOUND):
        return FailedPrecondition(f"{tool}: {error.message}", reason="TOOL_REQUEST_INVALID")
    return Unavailable(f"{tool}: its server failed: {error.message}", reason="TOOL_UNAVAILABLE")


def failure_of(error: BaseException) -> str:
    """Return what was wrong with a connection, in a line: the innermost cause of a group, without secrets."""
    if isinstance(error, BaseExceptionGroup):
        return failure_of(error.exceptions[0])  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if isinstance(error, PenstockError):
        return error.message
    return f"{type(error).__name__}: {str(error)[:300]}"


def _described(tool: Any) -> ToolDescription:
    schema: Mapping[str, Any] = tool.input_schema or {"type": "object", "properties": {}}
    return ToolDescription(
        name=tool.name, description=(tool.description or tool.name)[:_MAX_DESCRIPTION], schema=schema
    )


def _text(result: Any) -> str:
    """Return the texts of a result; what is no text is named, and a result of structure alone is JSON."""
    texts = [_block(block) for block in result.content]
    if not texts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(texts)


def _block(block: Any) -> str:
    match block.type:
        case "text":
            return block.text
        case "resource":
            text = getattr(block.resource, "text", None)
            return text if text is not None else f"[{block.resource.uri}: {block.resource.mime_type or 'no text'}]"
        case "resource_link":
            return f"[{block.name}: {block.uri}]"
        case _:
            return f"[{block.type}: {getattr(block, 'mime_type', 'no text')}]"
