"""``penstock doctor --url``: a system that runs somewhere, looked at from outside with a key."""

import json
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.gateway import is_loopback, json_object, stranger
from penstock_cli.settings import CliSettings, gateway_addresses

# What every system answers a key, and what it is for.
ENDPOINTS: Final = (
    ("/api/v2/auth/me", "who the key is"),
    ("/api/v2/metadata/models", "data models"),
    ("/api/v2/metadata/devices", "devices"),
    ("/api/v1/conversations", "conversations"),
    ("/v1/models", "models"),
    ("/openapi.json", "the API's description"),
)
_SECONDS: Final = 10.0
_TRIES: Final = 20
# Above these a person notices: milliseconds of the median, and of the slowest in twenty.
_SLOW_MEDIAN, _SLOW_MOST = 200.0, 2000.0
_MEMORY: Final = re.compile(r"^penstock_process_resident_memory_bytes\{[^}]*\} ([\d.e+]+)$", re.MULTILINE)
_MOST_MEMORY_SHARE: Final = 0.9
_EVALUATED: Final = re.compile(r"^penstock_alerts_evaluated_timestamp_seconds(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
# Seconds after which the evaluation of alerts is late, as for the rule AlertsLate.
_LATE_SECONDS: Final = 120.0


def doctor_url(settings: CliSettings, url: str, *, as_json: bool = False) -> int:
    """Print what was found at `url`; return 1 when something required is missing."""
    url = gateway_addresses(url, "--url")[0]
    findings = list(examine_url(settings, url))
    failed = [finding for finding in findings if finding.need is Need.REQUIRED and not finding.ok]
    if as_json:
        report = {"ok": not failed, "url": url, "findings": [finding.to_json() for finding in findings]}
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        from penstock_cli.doctor.command import print_table

        print_table(findings, f"{len(failed)} required missing" if failed else f"{url} is well")
    return 1 if failed else 0


def examine_url(settings: CliSettings, url: str) -> Iterator[Finding]:
    """Yield what is found; the rest is left out when nothing answers."""
    # The key of the home here is for the system here: a stranger's URL must not be sent it.
    key = settings.api_key if is_loopback(url) else settings.text("PENSTOCK_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=_SECONDS, trust_env=not is_loopback(url)) as client:
        alive = _alive(client, url)
        yield alive
        if not alive.ok:
            return
        yield from _readiness(client)
        yield _latency(client, "/health", "latency")
        if not key:
            yield Finding(
                need=Need.RECOMMENDED, name="key", ok=False, detail="none, so only the open pages were asked",
                remedy="set PENSTOCK_API_KEY to a key of that system",
            )  # fmt: skip
            return
        yield from _endpoints(client)
        yield _latency(client, "/api/v2/metadata/models", "latency with a key")
        yield from _memory(client)
        yield from _alerts(client)


def _alive(client: httpx.Client, url: str) -> Finding:
    remedy = "look whether it runs, and whether a proxy or firewall is between"
    try:
        answer = client.get("/health")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(need=Need.REQUIRED, name="gateway", ok=False, detail=f"{url}: {error}", remedy=remedy)
    body = json_object(answer)
    if answer.status_code == HTTPStatus.OK and body.get("service") == "gateway":
        return Finding(need=Need.REQUIRED, name="gateway", ok=True, detail=f"version {body.get('version')}")
    remedy = "correct the URL: that of the gateway, http://HOST:PORT, or of a proxy in front of it"
    return Finding(need=Need.REQUIRED, name="gateway", ok=False, detail=stranger(url, answer), remedy=remedy)


def _readiness(client: httpx.Client) -> Iterator[Finding]:
    answer = client.get("/ready")
    body: dict[str, Any] = answer.json()
    ready = answer.status_code == HTTPStatus.OK
    yield Finding(
        need=Need.REQUIRED, name="ready", ok=ready, detail="all that is required answers" if ready else "not ready",
        remedy="see which service is down below, and its log",
    )  # fmt: skip
    services: dict[str, dict[str, Any]] = body.get("services", {})
    for name, service in services.items():
        state = str(service.get("state", "unknown"))
        need = Need.REQUIRED if state == "down" else Need.RECOMMENDED
        why = str(service.get("detail") or "")
        yield Finding(
            need=need, name=name, ok=state in {"up", "ok", "ready"}, detail=f"{state} {why}".strip(),
            remedy=f"look at the log of {name}",
        )  # fmt: skip


def _endpoints(client: httpx.Client) -> Iterator[Finding]:
    for path, what in ENDPOINTS:
        try:
            status = client.get(path).status_code
        except httpx.HTTPError as error:
            yield Finding(need=Need.REQUIRED, name=what, ok=False, detail=f"{path}: {error}", remedy="see its log")
            continue
        # A key that may not do something is answered as it should be.
        fine = status in {HTTPStatus.OK, HTTPStatus.FORBIDDEN}
        denied = " (this key may not)" if status == HTTPStatus.FORBIDDEN else ""
        remedy = "the key is not accepted" if status == HTTPStatus.UNAUTHORIZED else "see the log of the gateway"
        yield Finding(need=Need.REQUIRED, name=what, ok=fine, detail=f"{path}: {status}{denied}", remedy=remedy)


def _latency(client: httpx.Client, path: str, name: str) -> Finding:
    taken: list[float] = []
    try:
        for _ in range(_TRIES):
            began = time.perf_counter()
            client.get(path)
            taken.append((time.perf_counter() - began) * 1000)
    except httpx.HTTPError as error:
        return Finding(need=Need.RECOMMENDED, name=name, ok=False, detail=f"{path}: {error}", remedy="try again")
    median, most = statistics.median(taken), max(taken)
    return Finding(
        need=Need.RECOMMENDED, name=name, ok=median <= _SLOW_MEDIAN and most <= _SLOW_MOST,
        detail=f"{path}: {median:.0f} ms, at most {most:.0f} ms ({_TRIES} requests)",
        remedy="look at event_loop_lag_seconds and penstock_overload_delay_seconds on its /metrics",
    )  # fmt: skip


def _memory(client: httpx.Client) -> Iterator[Finding]:
    """Yield the gateway's memory and the machine's, where the key may see them."""
    metrics = client.get("/metrics")
    if metrics.status_code == HTTPStatus.OK and (found := _MEMORY.findall(metrics.text)):
        detail = f"{_megabytes(found):.0f} MB in {len(found)} {'process' if len(found) == 1 else 'processes'}"
        yield Finding(need=Need.OPTIONAL, name="gateway's memory", ok=True, detail=detail)
    shown = client.get("/v1/dashboard/realtime")
    system: dict[str, Any] = shown.json().get("system", {}) if shown.status_code == HTTPStatus.OK else {}
    if (used := _share(system.get("memory_usage"))) is not None:
        yield Finding(
            need=Need.RECOMMENDED, name="machine's memory", ok=used < _MOST_MEMORY_SHARE, detail=f"{used:.0%} used",
            remedy="give it more, or fewer services",
        )  # fmt: skip


def _alerts(client: httpx.Client) -> Iterator[Finding]:
    """Yield how long ago the alerts were evaluated; nothing where the key may not see it or another gateway does it."""
    metrics = client.get("/metrics")
    newest = max(map(float, _EVALUATED.findall(metrics.text)), default=0.0)
    if metrics.status_code != HTTPStatus.OK or not newest or "Date" not in metrics.headers:
        return
    # By the clock of that system: the one here may differ.
    age = max(0.0, parsedate_to_datetime(metrics.headers["Date"]).timestamp() - newest)
    yield Finding(
        need=Need.RECOMMENDED, name="alerts", ok=age <= _LATE_SECONDS, detail=f"evaluated {age:.0f} s ago",
        remedy="look for 'alerts are not evaluated' in the log of the gateway",
    )  # fmt: skip


def _megabytes(values: Sequence[str]) -> float:
    return sum(map(float, values)) / 1024**2


def _share(value: object) -> float | None:
    """Return a share from 0 to 1 of what the dashboard says in percent."""
    match value:
        case int() | float():
            return float(value) / 100
        case str() if value.rstrip("%").replace(".", "", 1).isdigit():
            return float(value.rstrip("%")) / 100
        case _:
            return None
