"""A NUL in any text of any request, on PostgreSQL, which holds none: refused or left out, and never a failure."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from penstock_testkit.promised_bounds import PromisedBounds, Schema
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

NUL: Final = "a\0b"
# They end the session of the one who asks, or cost an attempt to log in.
LEFT_OUT: Final = ("/api/v2/auth/",)
FAILED: Final = re.compile(
    r"UntranslatableCharacter|CharacterNotInRepertoire|invalid byte sequence|DataError|Traceback"
)


class TextsWithNul(PromisedBounds):
    """Of each text in a request one that has a NUL, of what takes any names also in a name."""

    def _promises(self, schema: Schema) -> Iterator[tuple[str, Any, Any]]:
        if schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
            yield "text", "x", NUL
        if schema.get("type") == "object" and schema.get("additionalProperties"):
            yield "entry", {"x": "x"}, {"x": NUL}
            yield "name", {"x": "x"}, {NUL: "x"}
        if schema.get("items") == {}:
            yield "items", ["x"], [NUL]


@pytest.fixture
def own_system(tmp_path: Path, postgres_url: str) -> Iterator[RunningSystem]:
    """A system of the test's own, all of whose data is in PostgreSQL."""
    databases = {"DATABASE_URL": postgres_url, "TELEMETRY_URL": postgres_url}
    running = start_system(tmp_path / "home", extra_env=databases, demo=False)
    yield running
    running.stop()


def test_no_text_with_a_nul_makes_a_failure_on_postgresql(own_system: RunningSystem) -> None:
    failed: list[str] = []
    headers = {"authorization": f"Bearer {own_system.key}"}
    with httpx.Client(base_url=own_system.url, timeout=HANG_SECONDS) as client:
        document = client.get("/openapi.json").json()
        texts = [each for each in TextsWithNul(document) if not each.path.startswith(LEFT_OUT)]
        for text in texts:
            if text.place == "header":
                continue
            parts = text.request(text.wrong)
            parts["headers"].update(headers)
            with client.stream(text.method, text.path, **parts) as answer:
                if answer.status_code >= 500:
                    failed.append(f"{text}: {answer.status_code} {answer.read().decode()[:300]}")
        for path in [path for path in document["paths"] if "{" in path]:
            answer = client.get(re.sub(r"{\w+}", "a%00b", path), headers=headers)
            assert answer.status_code in {400, 404, 405}, f"{path}: {answer.status_code} {answer.text[:300]}"
    assert len(texts) > 100
    assert not failed, "\n".join(failed)
    assert not FAILED.search(own_system.output())
