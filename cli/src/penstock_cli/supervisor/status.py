"""``penstock status``: what runs on a home."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from penstock_cli.container import contained_service, show_container
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home, ServiceState, SuiteState, resident_mb

_NOT_RUNNING: Final = 3  # as service scripts answer
_NOT_READY: Final = 1


def status(settings: CliSettings, *, as_json: bool = False) -> int:
    """Print the services with their state, age and memory; return 0 when all are ready, 3 when nothing runs."""
    contained = contained_service(settings)
    if contained is not None:
        return show_container(settings, contained, as_json=as_json)
    home = Home(settings.home)
    state = home.read_state()
    if state is None or not state.supervisor.alive or not home.locked:
        sys.stdout.write('{"running": false}\n' if as_json else f"Penstock does not run on {settings.home}\n")
        return _NOT_RUNNING
    rows = _rows(state)
    if as_json:
        sys.stdout.write(json.dumps({"running": True, "ready": state.ready, "url": state.url, "services": rows}) + "\n")
    else:
        sys.stdout.write(_table(state, rows))
    return 0 if state.ready else _NOT_READY


def _rows(state: SuiteState) -> list[dict[str, Any]]:
    rows = [_row(name, service) for name, service in state.services.items()]
    memory = resident_mb(state.supervisor.pid)
    supervisor = {"name": "supervisor", "status": "ready" if state.ready else "waiting", "pid": state.supervisor.pid}
    return [*rows, {**supervisor, "seconds": None, "rss_mb": memory, "restarts": 0, "ports": {}}]


def _row(name: str, service: ServiceState) -> dict[str, Any]:
    pid = service.process.pid if service.process else None
    return {
        "name": name,
        "status": service.status,
        "pid": pid,
        "seconds": round(time.time() - service.start_time, 1) if pid else None,
        "rss_mb": resident_mb(pid) if pid else None,
        "restarts": service.restarts,
        "ports": dict(service.ports),
    }


def _table(state: SuiteState, rows: list[dict[str, Any]]) -> str:
    lines = [f"{state.url}  {'ready' if state.ready else 'not ready'}"]
    lines += [f"{'service':<22}{'state':<12}{'pid':>8}{'up':>10}{'memory':>11}{'restarts':>10}  ports"]
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _line(row: Mapping[str, Any]) -> str:
    seconds = "–" if row["seconds"] is None else f"{row['seconds']:.0f} s"
    memory = "–" if row["rss_mb"] is None else f"{row['rss_mb']:.0f} MB"
    ports = ", ".join(map(str, row["ports"].values()))
    line = f"{row['name']:<22}{row['status']:<12}{row['pid'] or '–':>8}{seconds:>10}{memory:>11}{row['restarts']:>10}  "
    return f"{line}{ports}".rstrip()
