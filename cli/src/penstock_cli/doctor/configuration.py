"""Checks of the settings: each service's own rules, ports, providers, secrets."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.port import port_problems
from penstock_cli.supervisor.service import services
from penstock_cli.supervisor.state import Home
from penstock_kit.redaction import mask_secret
from penstock_kit.settings import ServiceSettings, settings_problems

PROVIDERS: Final = ("GEMINI", "OPENAI", "ANTHROPIC", "QWEN", "GLM", "DEEPSEEK")
_SHORTEST_JWT_SECRET: Final = 32
_OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH


def check_configuration(settings: CliSettings) -> Iterator[Finding]:
    """Yield what the settings say."""
    yield from _services()
    yield from _ports(settings)
    yield from _providers(settings)
    yield from _jwt_secret(settings)
    yield from _dotenv(settings)


def _services() -> Iterator[Finding]:
    problems = [problem for cls in _settings_classes() for problem in _problems(cls)]
    if not problems:
        yield Finding(need=Need.REQUIRED, name="settings", ok=True, detail="every service accepts its settings")
    for problem in dict.fromkeys(problems):
        yield Finding(need=Need.REQUIRED, name="settings", ok=False, detail=problem, remedy="correct the value")


def _settings_classes() -> list[type[ServiceSettings]]:
    from cache_service.settings import CacheSettings
    from chat_stream_service.settings import ChatSettings
    from feature_service.settings import FeatureSettings
    from gateway.settings import GatewaySettings
    from llm_service.settings import LlmSettings

    return [CacheSettings, FeatureSettings, LlmSettings, ChatSettings, GatewaySettings]


def _problems(cls: type[ServiceSettings]) -> list[str]:
    try:
        cls()
    except ValidationError as error:
        return settings_problems(cls, error)
    return []


def _ports(settings: CliSettings) -> Iterator[Finding]:
    try:
        suite = services(settings)
    except CommandFailed as failure:
        yield Finding(need=Need.REQUIRED, name="ports", ok=False, detail=failure.message, remedy="correct the value")
        return
    if Home(settings.home).locked:
        yield Finding(need=Need.REQUIRED, name="ports", ok=True, detail="in use by Penstock itself, which runs")
        return
    problems = port_problems(settings.host, suite)
    for problem in problems:
        detail, _, remedy = problem.partition("; ")
        yield Finding(need=Need.REQUIRED, name="ports", ok=False, detail=detail, remedy=remedy)
    if not problems:
        numbers = ", ".join(str(service.port) for service in suite)
        yield Finding(need=Need.REQUIRED, name="ports", ok=True, detail=f"{numbers} and the metrics ports are free")


def _providers(settings: CliSettings) -> Iterator[Finding]:
    found = False
    for name in PROVIDERS:
        keys = settings.text(f"{name}_API_KEY")
        if keys:
            found = True
            shown = ", ".join(mask_secret(key.strip()) for key in keys.split(",") if key.strip())
            base = settings.text(f"{name}_BASE_URL")
            detail = f"{name}_API_KEY {shown}" + (f" at {base}" if base else "")
            yield Finding(need=Need.RECOMMENDED, name=name.lower(), ok=True, detail=detail)
    if not found:
        names = ", ".join(f"{name}_API_KEY" for name in PROVIDERS)
        detail = "none: the offline provider answers, by rules, questions about devices"
        yield Finding(need=Need.RECOMMENDED, name="providers", ok=False, detail=detail, remedy=f"set one of {names}")


def _jwt_secret(settings: CliSettings) -> Iterator[Finding]:
    secret = settings.text("JWT_SECRET")
    if not secret:
        return
    ok = len(secret.encode()) >= _SHORTEST_JWT_SECRET
    detail = f"{mask_secret(secret)}, {len(secret.encode())} bytes"
    remedy = f"use at least {_SHORTEST_JWT_SECRET} random bytes, or leave it unset to have one made"
    yield Finding(need=Need.REQUIRED, name="JWT_SECRET", ok=ok, detail=detail, remedy=remedy)


def _dotenv(settings: CliSettings) -> Iterator[Finding]:
    for file in (Path(".env"), settings.home / "admin.key", settings.home / "admin.password"):
        if not file.is_file():
            continue
        mode = stat.S_IMODE(file.stat().st_mode)
        ok = not mode & _OTHERS_READ
        detail = f"mode {mode:04o}" + ("" if ok else ": others on this machine can read its secrets")
        yield Finding(need=Need.RECOMMENDED, name=str(file), ok=ok, detail=detail, remedy=f"chmod 600 {file}")
