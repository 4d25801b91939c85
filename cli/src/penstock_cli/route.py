"""``penstock route explain``: where a request for a model would go now, and why."""

import json
import sys
from typing import Any, Final
from urllib.parse import urlencode

from penstock_cli.gateway import Gateway, is_list_of, is_object
from penstock_cli.settings import CliSettings

_IS_NAMED: Final = is_object("policy", "alias")
_HAS_CANDIDATES: Final = is_list_of("candidates", "eligible", "provider", "model", "why")


def explain(settings: CliSettings, model: str, *, policy: str, as_json: bool) -> int:
    """Print the candidates in the order they would be tried; return 0 when one of them would answer."""
    gateway = Gateway(settings)
    try:
        path = f"/api/v1/llm/route?{urlencode({'model': model, 'policy': policy})}"
        route = gateway.call("GET", path, is_ours=_is_route)
    finally:
        gateway.close()
    candidates: list[dict[str, Any]] = route["candidates"]
    sys.stdout.write(json.dumps(route) + "\n" if as_json else _text(route, candidates))
    return 0 if any(candidate["eligible"] for candidate in candidates) else 1


def _is_route(answer: Any) -> bool:
    return _IS_NAMED(answer) and _HAS_CANDIDATES(answer)


def _text(route: dict[str, Any], candidates: list[dict[str, Any]]) -> str:
    alias = f", alias {route['alias']}" if route["alias"] else ""
    lines = [f"policy {route['policy']}{alias}"]
    for place, candidate in enumerate(candidates, start=1):
        mark = "✓" if candidate["eligible"] else "✗"
        lines.append(f"{place}. {mark} {candidate['provider']}/{candidate['model']}: {candidate['why']}")
    return "\n".join(lines) + "\n"
