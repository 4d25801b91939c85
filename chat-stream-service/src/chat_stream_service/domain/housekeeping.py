"""What has to be done now and then: old streams forgotten, stale readers ended."""

import asyncio

from chat_stream_service.domain.event_log import EventLog
from chat_stream_service.domain.readers import Readers
from penstock_kit.logging import get_logger

log = get_logger(__name__)


async def keep_house(event_log: EventLog, readers: Readers, stop: asyncio.Event, *, interval: float) -> None:
    """Clean every `interval` seconds until `stop` is set; a failure is logged and does not end it."""
    while not stop.is_set():
        try:
            async with asyncio.timeout(interval):
                await stop.wait()
        except TimeoutError:
            await _clean(event_log, readers)


async def _clean(event_log: EventLog, readers: Readers) -> None:
    try:
        streams, stale = await event_log.clean(), readers.clean()
    except Exception:
        log.exception("house-keeping failed")
        return
    if streams or stale:
        log.info("cleaned", streams=streams, stale_readers=stale)
