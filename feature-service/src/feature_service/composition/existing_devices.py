"""Registers the devices of tables that others write, at the start and each hour."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from feature_service.domain.ingest.existing_devices import ExistingDevices
from feature_service.domain.model.series import SeriesKey
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

_HOUR: Final = 3600.0
_AGAIN_SECONDS: Final = 5.0

log = get_logger(__name__)


@asynccontextmanager
async def registering(devices: ExistingDevices | None) -> AsyncGenerator[None]:
    """Register in the background while the block runs; a failure is logged and soon tried again."""
    if devices is None:
        yield
        return
    task = asyncio.create_task(supervise("devices of tables", partial(_register, devices)))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def report(key: SeriesKey, error: PenstockError) -> None:
    """Log that a device of a table cannot be registered."""
    log.warning("a device of an existing table can't be registered", device=key.device_code, detail=error.message)


async def _register(devices: ExistingDevices) -> None:
    while True:
        try:
            count = await devices.register()
        except PenstockError as error:
            log.warning("the devices of existing tables can't be registered", detail=error.message)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            log.info("devices of existing tables registered", devices=count)
            await asyncio.sleep(_HOUR)
