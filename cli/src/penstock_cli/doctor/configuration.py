"""Checks of the settings: each service's own rules, ports, providers, secrets."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock_cli.container import contained_service, serves
from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings, unread_lines
from penstock_cli.supervisor.port import PortReservation, port_problems
from penstock_cli.supervisor.service import Service, services
from penstock_cli.supervisor.state import Home
from penstock_cli.wrong_setting import doubtful, misspelt, overridden, service_problems
from penstock_kit.errors import FailedPrecondition
from penstock_kit.installation import read_secret
from penstock_kit.redaction import mask_secret

PROVIDERS: Final = ("GEMINI", "OPENAI", "ANTHROPIC", "QWEN", "GLM", "DEEPSEEK")
_SHORTEST_JWT_SECRET: Final = 32
_OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH


def check_configuration(settings: CliSettings) -> Iterator[Finding]:
    """Yield what the settings say."""
    yield from _services(settings)
    yield from _ports(settings)
    yield from _providers(settings)
    yield from _jwt_secret(settings)
    yield from _secret(settings)
    yield from _dotenv(settings)


def _services(settings: CliSettings) -> Iterator[Finding]:
    wrong = [*service_problems(), *misspelt(settings.values)]
    strange = [*doubtful(settings.values), *overridden(settings)]
    if not wrong:
        yield Finding(need=Need.REQUIRED, name="settings", ok=True, detail="every service accepts its settings")
    for problem in wrong:
        yield Finding(need=Need.REQUIRED, name="settings", ok=False, detail=problem, remedy="correct it")
    for problem in strange:
        yield Finding(need=Need.RECOMMENDED, name="settings", ok=False, detail=problem, remedy="correct or unset it")


def _ports(settings: CliSettings) -> Iterator[Finding]:
    contained = contained_service(settings)
    if contained is not None:
        yield _contained(contained)
        return
    ports = PortReservation()
    try:
        suite = services(ports.choose(settings))
    except CommandFailed as failure:
        yield Finding(need=Need.REQUIRED, name="ports", ok=False, detail=failure.message, remedy="correct the value")
        return
    finally:
        ports.close()
    if Home(settings.home).locked:
        yield Finding(need=Need.REQUIRED, name="ports", ok=True, detail="in use by Penstock itself, which runs")
        return
    problems = port_problems(suite)
    for problem in problems:
        detail, _, remedy = problem.partition("; ")
        yield Finding(need=Need.REQUIRED, name="ports", ok=False, detail=detail, remedy=remedy)
    if not problems:
        numbers = ", ".join(str(port) for service in suite for port in service.ports.values())
        yield Finding(need=Need.REQUIRED, name="ports", ok=True, detail=f"{numbers} are free")


def _contained(service: Service) -> Finding:
    """The ports of a service that is alone in its container: its own, or free for it."""
    where = ", ".join(map(str, service.ports.values()))
    if serves(service):
        detail = f"{where}: {service.name}, which serves"
        return Finding(need=Need.REQUIRED, name="ports", ok=True, detail=detail)
    problems = port_problems([service])
    detail = "; ".join(problems) or f"{where} are free for {service.name}"
    remedy = f"{service.name} does not answer its health check; its log says why"
    return Finding(need=Need.REQUIRED, name="ports", ok=not problems, detail=detail, remedy=remedy)


def _secret(settings: CliSettings) -> Iterator[Finding]:
    """What calls between services carry, where the settings name it."""
    file = settings.text("PENSTOCK_SERVICE_SECRET_FILE")
    if settings.text("PENSTOCK_SERVICE_SECRET"):
        detail = mask_secret(settings.text("PENSTOCK_SERVICE_SECRET"))
        yield Finding(need=Need.REQUIRED, name="service secret", ok=True, detail=detail)
    elif file:
        try:
            detail, ok = f"in {file}, {len(read_secret(Path(file)))} characters", True
        except FailedPrecondition as error:
            detail, ok = error.message, not Path(file).exists()
        yield Finding(need=Need.REQUIRED, name="service secret", ok=ok, detail=detail, remedy="correct or delete it")


def _providers(settings: CliSettings) -> Iterator[Finding]:
    found = False
    for name in PROVIDERS:
        keys = settings.text(f"{name}_API_KEY")
        if keys:
            found = True
            shown = ", ".join(mask_secret(key.strip()) for key in keys.split(",") if key.strip())
            base = settings.text(f"{name}_BASE_URL")
            detail = f"{name}_API_KEY {shown}" + (f" at {base}" if base else "")
            ok = not base or base.startswith(("http://", "https://"))
            remedy = f"begin {name}_BASE_URL with http:// or https://"
            yield Finding(
                need=Need.REQUIRED if not ok else Need.RECOMMENDED,
                name=name.lower(),
                ok=ok,
                detail=detail,
                remedy=remedy,
            )
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
    file = Path(".env")
    if file.is_file() and (lines := unread_lines(file)):
        detail = f"no NAME=value (or a quote that does not end) in line {', '.join(map(str, lines))}: left out"
        yield Finding(need=Need.REQUIRED, name=str(file), ok=False, detail=detail, remedy="correct the line")
    for file in (Path(".env"), settings.home / "admin.key", settings.home / "admin.password"):
        if not file.is_file():
            continue
        mode = stat.S_IMODE(file.stat().st_mode)
        ok = not mode & _OTHERS_READ
        detail = f"mode {mode:04o}" + ("" if ok else ": others on this machine can read its secrets")
        yield Finding(need=Need.RECOMMENDED, name=str(file), ok=ok, detail=detail, remedy=f"chmod 600 {file}")
