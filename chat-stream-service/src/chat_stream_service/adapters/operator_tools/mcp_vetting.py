"""What a server says of its tools, vetted before the SDK reads it: one bad tool must not cost the others."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from chat_stream_service.adapters.json_schema.fitness import unfitness

# Characters of a name; models take 64, and ours are made of it.
_MAX_NAME: Final = 256

OnUnfit = Callable[[str, str], None]


class VettedStream:
    """The messages of a server, with only such tools in its lists as can be read.

    Schemas of results are left out: the SDK would check results against them in unbounded time.
    """

    def __init__(self, inner: Any, on_unfit: OnUnfit) -> None:
        self._inner = inner
        self._on_unfit = on_unfit

    @property
    def last_context(self) -> Any:
        """The context of the sender, which the SDK's own streams have."""
        return getattr(self._inner, "last_context", None)

    def __aiter__(self) -> "VettedStream":
        return self

    async def __anext__(self) -> Any:
        return await self._vetted(await self._inner.__anext__())

    async def receive(self) -> Any:
        """Return the next message."""
        return await self._vetted(await self._inner.receive())

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    def close(self) -> None:
        """Close the stream at once."""
        self._inner.close()

    async def __aenter__(self) -> "VettedStream":
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *problem: Any) -> Any:
        return await self._inner.__aexit__(*problem)

    async def _vetted(self, item: Any) -> Any:
        result = getattr(getattr(item, "message", None), "result", None)
        if isinstance(result, dict) and isinstance(result.get("tools"), list):  # pyright: ignore[reportUnknownMemberType]
            # A list may hold megabytes; whoever waits for it is the server's own connection.
            result["tools"] = await asyncio.to_thread(self._fit, result["tools"])  # pyright: ignore[reportUnknownArgumentType]
        return item

    def _fit(self, tools: list[Any]) -> list[Mapping[str, Any]]:
        return [kept for tool in tools if (kept := self._kept(tool)) is not None]

    def _kept(self, tool: Any) -> Mapping[str, Any] | None:
        problem = _problem(tool)
        if problem:
            name = tool.get("name") if isinstance(tool, dict) else None  # pyright: ignore
            self._on_unfit(str(name)[:_MAX_NAME], problem)  # pyright: ignore[reportUnknownArgumentType]
            return None
        described: Mapping[str, Any] = {
            "name": tool["name"],
            "description": str(tool.get("description") or ""),
            "inputSchema": tool["inputSchema"],
        }
        return described


def _problem(tool: Any) -> str:
    if not isinstance(tool, dict):
        return "it is no object"
    name: Any = tool.get("name")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
        return f"its name is no text of 1 to {_MAX_NAME} characters"
    problem = unfitness(tool.get("inputSchema"))  # pyright: ignore[reportUnknownMemberType]
    return f"its inputSchema: {problem}" if problem else ""
