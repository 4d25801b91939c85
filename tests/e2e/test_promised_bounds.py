"""What the OpenAPI page allows the services behind the gateway allow too: none has a closer bound of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from penstock_testkit.promised_bounds import PromisedBounds
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

CLOSER = re.compile(r"at most \d|at least \d|lies between|must be from|longer than|shorter than|has \d+ characters")
REFUSED = {400, 413, 422}
# They end the session of the one who asks, or cost an attempt to log in.
LEFT_OUT = ("/api/v2/auth/",)


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system of the test's own: it is filled with what is at the edge."""
    running = start_system(tmp_path / "home")
    yield running
    running.stop()


def test_no_service_has_a_closer_bound_than_the_page_promises(own_system: RunningSystem) -> None:
    closer: list[str] = []
    headers = {"authorization": f"Bearer {own_system.key}"}
    with httpx.Client(base_url=own_system.url, timeout=HANG_SECONDS) as client:
        bounds = [
            bound for bound in PromisedBounds(client.get("/openapi.json").json()) if not bound.path.startswith(LEFT_OUT)
        ]
        for bound in bounds:
            parts = bound.request(bound.right)
            parts["headers"].update(headers)
            with client.stream(bound.method, bound.path, **parts) as answer:
                text = answer.read().decode() if answer.status_code in REFUSED else ""
            if CLOSER.search(text):
                closer.append(f"{bound}: {text[:500]}")
    assert len(bounds) > 200
    assert not closer, "\n".join(closer)
