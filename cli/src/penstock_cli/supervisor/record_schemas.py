"""Brings the files of records to the newest schema in a process that ends: what that takes no service keeps.

``python -m penstock_cli.supervisor.record_schemas``, forked as the services are, with their environment, at every
start: the first, the first of a newer version, one on a home whose first start was broken off. A file that can't be
read or made here is left to its service, which says why. Alembic and what it works with take 6 MB in each process that
loads it, and the pages that this changes are no longer shared: 50 MB over all. Where nothing is behind, it isn't
loaded, and looking takes 25 ms of a processor.
"""

import asyncio
import contextlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from penstock_kit.database import migrate, sqlite_url
from penstock_kit.errors import PenstockError
from penstock_kit.home import PRIVATE_UMASK
from penstock_kit.logging import configure_logging
from penstock_kit.settings import ServiceSettings, load

FILES: Final = {
    "gateway": "gateway.db",
    "llm_service": "llm.db",
    "chat_stream_service": "chat.db",
    "feature_service": "feature.db",
}


async def make_files(home: Path) -> None:
    """Bring each service's file in the home to the newest revision of its schema; make those that are not there."""
    for package, file in FILES.items():
        with contextlib.suppress(PenstockError, OSError):
            await migrate(sqlite_url(home / file), _migrations(package))


def _migrations(package: str) -> Path:
    """Return the folder of a service's revisions, without importing the service."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise FileNotFoundError(package)
    return Path(found.origin).parent / "migrations"


def run() -> None:
    """Make the files of the home that the settings name."""
    settings = load(ServiceSettings)
    os.umask(PRIVATE_UMASK)
    configure_logging("schema", settings.log_level, settings.log_format)
    asyncio.run(make_files(settings.home))


if __name__ == "__main__":
    run()
