"""What the service holds open: the database, Redis and the channels to its peers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from chat_stream_service.adapters.operator_tools.configuration import read_tools
from chat_stream_service.adapters.operator_tools.live_tools import ReloadingTools
from chat_stream_service.domain.stream.background import BackgroundJobs
from chat_stream_service.settings import SCHEMA, ChatSettings, tool_environment
from penstock_kit.cache import FREQUENT_CALLS
from penstock_kit.clock import SystemClock
from penstock_kit.database import Database, open_database
from penstock_kit.grpc import PenstockChannel, open_channel
from penstock_kit.redaction import Redactor
from penstock_kit.redis.link import RedisLink

# What follows answers, such as remembering them, gets so long at the end of the process.
_LAST_WORK_SECONDS: Final = 2.0
# Calls that share streams: what a turn may wait for.
_LLM_CALLS: Final = ("penstock.llm.v1.LlmService/StreamComplete",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Connections, made on first use and closed together."""

    database: Database
    llm: PenstockChannel
    feature: PenstockChannel
    cache: PenstockChannel
    operator_tools: ReloadingTools
    background: BackgroundJobs
    redis: RedisLink | None


@asynccontextmanager
async def open_resources(
    settings: ChatSettings, *, secret: str = "", redactor: Redactor | None = None
) -> AsyncGenerator[Resources]:
    """Give the resources that the settings name, and close them at the end of the block; nothing is connected yet.

    Calls carry the installation's `secret`. `redactor` masks what the tools file holds of secrets, now and whenever it
    changes.
    """
    resources = _build_resources(settings, secret, redactor or Redactor())
    try:
        yield resources
    finally:
        await resources.background.close(_LAST_WORK_SECONDS)
        await resources.operator_tools.close()
        for channel in (resources.llm, resources.feature, resources.cache):
            await channel.close()
        if resources.redis is not None:
            await resources.redis.close()
        await resources.database.close()


def _build_resources(settings: ChatSettings, secret: str, redactor: Redactor) -> Resources:
    redis_url = settings.redis_url.get_secret_value()
    return Resources(
        database=open_database(settings.database, schema=SCHEMA),
        llm=open_channel(
            settings.llm_address,
            service="llm-service",
            multiplexed=_LLM_CALLS if settings.multiplex_calls else (),
            secret=secret,
        ),
        feature=open_channel(settings.feature_address, service="feature-service", secret=secret),
        cache=open_channel(
            settings.cache_address,
            service="cache-service",
            multiplexed=FREQUENT_CALLS if settings.multiplex_calls else (),
            secret=secret,
        ),
        operator_tools=ReloadingTools(
            partial(read_tools, settings.tools_file, tool_environment()),
            path=settings.tools_file,
            clock=SystemClock(),
            max_seconds=settings.tool_seconds,
            on_secrets=lambda secrets: redactor.register(*secrets),
        ),
        background=BackgroundJobs(),
        redis=RedisLink(redis_url, clock=SystemClock()) if redis_url else None,
    )
