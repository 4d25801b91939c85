"""One service alone in a container (PENSTOCK_SERVICE, set by the image): what is there instead of a suite."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.probe import grpc_serving, http_ready
from penstock_cli.supervisor.service import Service, services
from penstock_cli.supervisor.state import Home, resident_mb

_READY_SECONDS: Final = 5.0
_MB: Final = 1024**2


def contained_service(settings: CliSettings) -> Service | None:
    """Return the service of this container; None outside of one, and where `penstock up` runs in it."""
    name = settings.text("PENSTOCK_SERVICE")
    if not name or Home(settings.home).locked:
        return None
    return next((service for service in services(settings) if service.name == name), None)


def serves(service: Service) -> bool:
    """Return whether the service of this container answers its health check."""
    healthy = grpc_serving if service.health == "grpc" else _alive
    return healthy(service.host, service.port)


def show_container(settings: CliSettings, service: Service, *, as_json: bool) -> int:
    """Print what runs here, and in the gateway's container what it says of the others; 0 when all is ready."""
    running = serves(service)
    rows = [{"name": service.name, "status": "ready" if running else "not ready", "rss_mb": resident_mb(1)}]
    if service.name == "gateway":
        rows += [{"name": name, "status": state, "rss_mb": None} for name, state in _others(settings).items()]
    ready = all(row["status"] == "ready" for row in rows)
    if as_json:
        sys.stdout.write(json.dumps({"running": running, "ready": ready, "services": rows}) + "\n")
    else:
        sys.stdout.write(f"{service.name} alone in this container\n" + "".join(map(_line, rows)))
    return 0 if ready else 1


def memory_left_mb() -> int | None:
    """Return what the container's limit leaves, in MB; None without a limit."""
    for folder, limit, usage in (
        ("/sys/fs/cgroup", "memory.max", "memory.current"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        most, used = _number(Path(folder, limit)), _number(Path(folder, usage))
        if most is not None and used is not None and most < 1 << 60:
            return max(0, most - used) // _MB
    return None


def _alive(host: str, port: int) -> bool:
    return http_ready(host, port, "/health")


def _others(settings: CliSettings) -> dict[str, str]:
    """Return what the gateway says of the services and stores it needs, empty when it does not answer."""
    try:
        ready = f"{settings.local_url}/ready"
        with urllib.request.urlopen(ready, timeout=_READY_SECONDS) as answer:  # noqa: S310
            body: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:  # 503 while something is missing, with the same body
        body = json.load(error)
    except (OSError, ValueError):
        return {}
    found: dict[str, Any] = body.get("services", {})
    return {name: "ready" if state["state"] == "ok" else str(state["state"]) for name, state in found.items()}


def _line(row: dict[str, Any]) -> str:
    memory = "" if row["rss_mb"] is None else f"{row['rss_mb']:.0f} MB"
    return f"{row['name']:<22}{row['status']:<14}{memory:>8}".rstrip() + "\n"


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
