"""Runs the functions of a client program and prints what each returned, as one JSON object."""

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

URL, KEY = sys.argv[1:3]
MESSAGES: list[Any] = [{"role": "user", "content": "how is the pump?"}]
SCHEMA = {"type": "object", "properties": {"device": {"type": "string"}}, "required": ["device"]}


def report(*scenarios: Callable[[], Any]) -> None:
    """Print {name: result}, or {name: {"failed": traceback}}."""
    results: dict[str, Any] = {}
    for scenario in scenarios:
        try:
            results[scenario.__name__] = scenario()
        except Exception:  # noqa: BLE001 - whatever it was, the report says so
            results[scenario.__name__] = {"failed": traceback.format_exc()}
    sys.stdout.write(json.dumps(results) + "\n")
