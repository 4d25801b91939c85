"""The tools file in force: read again when it changes, the old one kept when the new one is wrong."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from chat_stream_service.adapters.operator_tools.configuration import ToolsConfiguration
from chat_stream_service.adapters.operator_tools.operator_tools import OperatorTools
from chat_stream_service.domain.model.component import ComponentStatus
from chat_stream_service.domain.model.tool import ToolSource
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

COMPONENT: Final = "tools-file"

log = get_logger(__name__)


class ReloadingTools:
    """The operator's tools as `read` returned them last. `path` is the file to watch, empty for none.

    A file that is wrong at the start costs its tools and nothing else. `error` says what is wrong with the file read
    last, empty when it is right; so does readiness. `on_secrets` is given the secrets that are to be masked in logs.
    """

    def __init__(
        self,
        read: Callable[[], ToolsConfiguration],
        *,
        path: str,
        clock: Clock,
        max_seconds: float,
        on_secrets: Callable[[Iterable[str]], None] = lambda secrets: None,
    ) -> None:
        self._read = read
        self._path = path
        self._on_secrets = on_secrets
        self._watching: asyncio.Task[None] | None = None
        self._seen = _file_version(path)
        self.error = ""
        self._tools = OperatorTools(self._load_first(), clock=clock, max_seconds=max_seconds)

    @property
    def sources(self) -> tuple[ToolSource, ...]:
        """The sources of tools there are now."""
        return self._tools.sources

    def start(self, *, watch_seconds: float = 0) -> None:
        """Begin to connect, and to look every `watch_seconds` whether the file changed; 0 or no file: never."""
        self._tools.start()
        if self._path and watch_seconds > 0:
            self._watching = asyncio.create_task(supervise("tools file", partial(self._watch, watch_seconds)))

    async def close(self) -> None:
        """Disconnect from everything."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._tools.close()

    async def reload(self) -> str:
        """Read the file again and return what is wrong with it; if something is, the old one stays."""
        self._seen = _file_version(self._path)
        try:
            configuration = await asyncio.to_thread(self._read)
        except PenstockError as error:
            self.error = error.message
            log.error("tools file refused, the old one stays", detail=error.message)
            return self.error
        self.error = ""
        self._on_secrets(configuration.secrets)
        await self._tools.replace(configuration)
        log.info("tools file read", http=len(configuration.http), mcp=len(configuration.mcp))
        return ""

    async def status(self) -> ComponentStatus:
        """Return degraded, with what is wrong, while the file read last can't be used; see Component."""
        return ComponentStatus(name=COMPONENT, state="degraded" if self.error else "ok", detail=self.error)

    def _load_first(self) -> ToolsConfiguration:
        try:
            configuration = self._read()
        except PenstockError as error:
            self.error = error.message
            log.error("tools file refused, there are no operator tools", detail=error.message)
            return ToolsConfiguration()
        self._on_secrets(configuration.secrets)
        return configuration

    async def _watch(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if _file_version(self._path) != self._seen:
                await self.reload()


def _file_version(path: str) -> tuple[int, int, int]:
    """Return what changes when a file does: also one that is put in its place by a rename."""
    try:
        status = Path(path).stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
