"""The operator's tools, put together from their configuration, and from the next one when it changes."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.entry import HttpEntry, McpEntry
from chat_stream_service.adapters.operator_tools.http_tool import HttpTool
from chat_stream_service.adapters.operator_tools.masked_tool import MaskedTool, SecretMask
from chat_stream_service.adapters.operator_tools.mcp_server import McpServer
from chat_stream_service.adapters.operator_tools.mcp_session import connect
from chat_stream_service.domain.model.tool import Tool, ToolSource
from chat_stream_service.domain.tools.tool_breaker import BreakerTool
from penstock_kit.breaker import Breaker, ConsecutiveFailures
from penstock_kit.clock import Clock
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What an MCP server's connection depends on: a change of any of it makes it anew."""

    entry: McpEntry
    destinations: Destinations
    secrets: frozenset[str]


class OperatorTools:
    """Sources of tools, and the connections behind them; `secrets` are to be masked in logs."""

    def __init__(self, configuration: ToolsConfiguration, *, clock: Clock, max_seconds: float) -> None:
        self._clock = clock
        self._max_seconds = max_seconds
        self._http = GuardedHttp(configuration.destinations)
        self._breakers: dict[str, Breaker] = {}
        self._servers: dict[str, tuple[_Wanted, McpServer]] = {}
        self._started = False
        self.secrets: frozenset[str] = frozenset()
        self.sources: tuple[ToolSource, ...] = ()
        self._build(configuration)

    def start(self) -> None:
        """Begin to connect to the MCP servers; nothing waits for them."""
        self._started = True
        for _, server in self._servers.values():
            server.start()

    async def replace(self, configuration: ToolsConfiguration) -> None:
        """Go over to another configuration; the servers that are the same in it keep their connections."""
        before = dict(self._servers)
        self._build(configuration)
        kept = {id(server) for _, server in self._servers.values()}
        if self._started:
            for _, server in self._servers.values():
                if not any(server is old for _, old in before.values()):
                    server.start()
        await _close(server for _, server in before.values() if id(server) not in kept)

    async def close(self) -> None:
        """Disconnect from everything."""
        await _close(server for _, server in self._servers.values())
        await self._http.close()

    def _build(self, configuration: ToolsConfiguration) -> None:
        self.secrets = configuration.secrets
        self._http.destinations = configuration.destinations
        mask = SecretMask(self.secrets)
        tools = [self._http_tool(entry, mask) for entry in configuration.http]
        servers: dict[str, tuple[_Wanted, McpServer]] = {}
        for entry in configuration.mcp:
            wanted = _Wanted(entry=entry, destinations=configuration.destinations, secrets=configuration.secrets)
            before = self._servers.get(entry.name)
            same = before is not None and before[0] == wanted
            servers[entry.name] = before if same and before else (wanted, self._server(wanted, mask))
        self._servers = servers
        listed = tuple(server for _, server in servers.values())
        self.sources = (*([HttpTools(tools)] if tools else ()), *listed)

    def _http_tool(self, entry: HttpEntry, mask: SecretMask) -> Tool:
        breaker = self._breakers.setdefault(urlsplit(entry.url).netloc, Breaker(ConsecutiveFailures(), self._clock))
        tool = BreakerTool(HttpTool(entry, self._http, max_seconds=self._max_seconds), breaker)
        return MaskedTool(tool, mask)

    def _server(self, wanted: _Wanted, mask: SecretMask) -> McpServer:
        return McpServer(
            wanted.entry,
            partial(connect, wanted.entry, wanted.destinations),
            Breaker(ConsecutiveFailures(), self._clock),
            max_seconds=self._max_seconds,
            clock=self._clock,
            mask=mask,
        )


async def _close(servers: Iterable[McpServer]) -> None:
    await asyncio.gather(*(server.close() for server in servers))
