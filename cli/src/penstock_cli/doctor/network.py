"""Checks of what lies outside: databases, Redis, the trace collector. Each waits 3 seconds at most."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.settings import DATABASE_SETTINGS, CliSettings
from penstock_kit.database import open_database
from penstock_kit.errors import PenstockError
from penstock_kit.redaction import mask_urls

_SECONDS: Final = 3.0
_PORTS: Final = {"redis": 6379, "rediss": 6379, "http": 4317, "https": 4317}


async def check_network(settings: CliSettings) -> AsyncIterator[Finding]:
    """Yield what answers of the stores and collectors that the settings name."""
    named = [name for name in DATABASE_SETTINGS if settings.text(name)]
    for name in named:
        yield await _database(name, settings.text(name))
    if not named:
        detail = f"SQLite, one file per service in {settings.home}"
        yield Finding(need=Need.REQUIRED, name="DATABASE_URL", ok=True, detail=detail)
    if settings.text("TELEMETRY_URL") or settings.text("TELEMETRY_URL_FILE"):
        yield await _telemetry()
    redis = settings.text("REDIS_URL")
    if redis:
        yield await _redis(redis)
    if settings.text("MQTT_URL") or settings.text("MQTT_URL_FILE"):
        yield await asyncio.to_thread(_broker)
    collector = settings.text("OTEL_EXPORTER_OTLP_ENDPOINT")
    if collector:
        yield await _collector(collector)


async def _database(name: str, url: str) -> Finding:
    shown = mask_urls(url)
    try:
        database = open_database(url)
        try:
            async with asyncio.timeout(_SECONDS):
                await database.ping()
        finally:
            await database.close()
    except (PenstockError, TimeoutError, OSError) as error:
        why = error.message if isinstance(error, PenstockError) else str(error) or "no answer in time"
        detail = f"{shown}: {why}"
        remedy = f"start the database, or correct {name}; without one a service keeps a SQLite file"
        return Finding(need=Need.REQUIRED, name=name, ok=False, detail=detail, remedy=remedy)
    return Finding(need=Need.REQUIRED, name=name, ok=True, detail=f"{shown} answers")


async def _telemetry() -> Finding:
    """Ask the store of telemetry that feature-service's settings name; of a file, its folder."""
    from feature_service.adapters.telemetry_url import open_telemetry
    from feature_service.settings import FeatureSettings

    need, name, shown = Need.REQUIRED, "TELEMETRY_URL", ""
    try:
        url = FeatureSettings().telemetry_url.get_secret_value()
        shown = f"{mask_urls(url)} "
        store = open_telemetry(url)
        try:
            async with asyncio.timeout(_SECONDS):
                await store.ping()
        finally:
            await store.close()
    except (ValidationError, PenstockError, TimeoutError, OSError) as error:
        why = error.message if isinstance(error, PenstockError) else "no answer in time"
        why = "the settings of feature-service are wrong" if isinstance(error, ValidationError) else why
        remedy = f"start the store, or correct {name}; without it a DuckDB file in the home keeps telemetry"
        return Finding(need=need, name=name, ok=False, detail=f"{shown}{why}", remedy=remedy)
    return Finding(need=need, name=name, ok=True, detail=f"{shown}answers")


async def _redis(url: str) -> Finding:
    shown, remedy = mask_urls(url), "start Redis, or correct REDIS_URL; until then the services go on in memory"
    if not url.startswith(("redis://", "rediss://")):
        detail = f"{shown} does not begin with redis:// or rediss://"
        return Finding(need=Need.REQUIRED, name="REDIS_URL", ok=False, detail=detail, remedy="correct REDIS_URL")
    why = await _unreachable(url)
    detail = f"{shown} {why or 'accepts connections'}"
    return Finding(need=Need.RECOMMENDED, name="REDIS_URL", ok=not why, detail=detail, remedy=remedy)


def _broker() -> Finding:
    """Try the broker of feature-service's settings, with its login and certificates."""
    from feature_service.adapters.mqtt.probe import probe
    from feature_service.composition.mqtt import broker_login
    from feature_service.settings import FeatureSettings

    remedy = "start the broker, or correct the settings MQTT_…; until then no rows come from it"
    try:
        login = broker_login(FeatureSettings())
        why = probe(login, seconds=_SECONDS)
        detail = f"{login.address} {why or 'takes us'}"
    except ValidationError:
        why = detail = "the settings of feature-service are wrong"
    except PenstockError as error:
        why = detail = error.message
    return Finding(need=Need.RECOMMENDED, name="MQTT_URL", ok=not why, detail=detail, remedy=remedy)


async def _collector(url: str) -> Finding:
    why = await _unreachable(url)
    detail = f"{mask_urls(url)} {why or 'accepts connections'}"
    remedy = "start the collector, or unset OTEL_EXPORTER_OTLP_ENDPOINT; traces are dropped until then"
    return Finding(need=Need.OPTIONAL, name="traces", ok=not why, detail=detail, remedy=remedy)


async def _unreachable(url: str) -> str:
    """Return why the URL's address takes no connection, empty when it does."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or _PORTS.get(parts.scheme, 80)
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except ValueError as error:
        return f"is no address: {error}"
    except socket.gaierror:
        return "has no such host"
    except TimeoutError:
        return f"does not answer within {_SECONDS:g} s"
    except OSError as error:
        return f"refuses connections ({error.strerror or error})"
    writer.close()
    return ""
