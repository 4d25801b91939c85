"""The configuration in force: read again when its file changes, kept when the new one is wrong."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from llm_service.configuration.configuration import Configuration
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class LiveConfiguration:
    """Holds what `read` returned last. `path` is the file to watch, empty for none.

    `error` says what was wrong with the configuration read last, empty when it was right.
    """

    def __init__(self, read: Callable[[], Configuration], *, path: str) -> None:
        self._read = read
        self._path = path
        self._listeners: list[Callable[[Configuration], None]] = []
        self._seen = _stamp(path)
        self._reading = asyncio.Lock()
        self.current = read()
        self.error = ""

    def subscribe(self, apply: Callable[[Configuration], None]) -> None:
        """Call `apply` now, and whenever there is a new configuration."""
        self._listeners.append(apply)
        apply(self.current)

    async def reload(self) -> str:
        """Read the configuration again and return what is wrong with it; if something is, the old one stays."""
        async with self._reading:
            self._seen = _stamp(self._path)
            try:
                configuration = await asyncio.to_thread(self._read)
            except PenstockError as error:
                self.error = error.message
                log.error("configuration refused, the old one stays", detail=error.message)
                return self.error
            self.current, self.error = configuration, ""
            for apply in self._listeners:
                apply(configuration)
            log.info("configuration read", providers=[profile.name for profile in configuration.profiles])
            return ""

    async def watch(self, seconds: float) -> None:
        """Look every `seconds` whether the file changed, for ever; 0 or no file: do nothing."""
        while self._path and seconds > 0:
            await asyncio.sleep(seconds)
            if _stamp(self._path) != self._seen:
                await self.reload()


def _stamp(path: str) -> tuple[int, int, int]:
    """What changes when a file does: also one that is put in its place by a rename."""
    try:
        status = Path(path).stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
