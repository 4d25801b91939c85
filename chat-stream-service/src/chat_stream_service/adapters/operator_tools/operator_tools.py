"""The operator's tools, put together from their configuration."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.guarded_http import GuardedHttp
from chat_stream_service.adapters.operator_tools.http_tool import HttpTool
from chat_stream_service.adapters.operator_tools.masked_tool import MaskedTool, SecretMask
from chat_stream_service.adapters.operator_tools.mcp_server import McpServer
from chat_stream_service.adapters.operator_tools.mcp_session import connect
from chat_stream_service.domain.breaker import Breaker
from chat_stream_service.domain.model.tool import Tool, ToolSource
from chat_stream_service.domain.tools.tool_breaker import BreakerTool
from penstock_kit.clock import Clock

_HTTP: Final = "http"


class HttpTools:
    """The HTTP endpoints as a source of tools; those of one host share a breaker."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = tools

    @property
    def name(self) -> str:
        """What comes before the name of one that another tool has."""
        return _HTTP

    def tools(self) -> Sequence[Tool]:
        """Return all of them."""
        return self._tools


class OperatorTools:
    """Sources of tools, and the connections behind them; `secrets` are to be masked in logs."""

    def __init__(self, configuration: ToolsConfiguration, *, clock: Clock, max_seconds: float) -> None:
        destinations = configuration.destinations
        self.secrets = configuration.secrets
        self._http = GuardedHttp(destinations)
        mask = SecretMask(self.secrets)
        breakers: dict[str, Breaker] = {}
        tools: list[Tool] = []
        for entry in configuration.http:
            breaker = breakers.setdefault(urlsplit(entry.url).netloc, Breaker(clock=clock))
            tool = BreakerTool(HttpTool(entry, self._http, max_seconds=max_seconds), breaker)
            tools.append(MaskedTool(tool, mask))
        self._servers = [
            McpServer(
                entry,
                partial(connect, entry, destinations),
                Breaker(clock=clock),
                max_seconds=max_seconds,
                clock=clock,
                mask=mask,
            )
            for entry in configuration.mcp
        ]
        self.sources: tuple[ToolSource, ...] = (*([HttpTools(tools)] if tools else ()), *self._servers)

    def start(self) -> None:
        """Begin to connect to the MCP servers; nothing waits for them."""
        for server in self._servers:
            server.start()

    async def close(self) -> None:
        """Disconnect from everything."""
        await asyncio.gather(*(server.close() for server in self._servers))
        await self._http.close()
