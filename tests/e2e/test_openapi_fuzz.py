"""Whatever the OpenAPI page lets a caller write, and much that it does not: no request makes the system fail.

Requests are made by schemathesis out of the page, right and wrong ones, the same ones each time, however fast the
machine is: one round of all operations. To run more rounds: `PENSTOCK_FUZZ_SECONDS=600`.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

SECONDS = float(os.environ.get("PENSTOCK_FUZZ_SECONDS", "0"))
EXAMPLES = 4
NOT_IMPLEMENTED = 501
# They speak their clients' own protocols.
FOREIGN = ("/v1/", "/mcp", "/write", "/api/v2/write", "/api/v3/write_lp", "/query")


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system of the test's own: it is switched, priced and filled at random."""
    running = start_system(tmp_path / "home")
    yield running
    running.stop()


class Fuzzer:
    """Sends what schemathesis makes up and remembers what should not have been answered so."""

    def __init__(self, system: RunningSystem) -> None:
        self._headers = {"Authorization": f"Bearer {system.key}"}
        self._session = requests.Session()
        page = schemathesis.openapi.from_url(f"{system.url}/openapi.json")
        self.operations = [found.ok() for found in page.get_all_operations()]
        self.sent = 0
        self.failures: list[str] = []

    def ask(self, operation: Any, mode: GenerationMode, number: int) -> None:
        """Send a few requests of one operation."""

        @seed(number)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            self._send(case)

        try:
            send()
        except Unsatisfiable:  # nothing can be wrong with a request that has no parameters
            return

    def _send(self, case: Any) -> None:
        try:
            answer = case.call(headers=self._headers, session=self._session, timeout=HANG_SECONDS)
        except requests.exceptions.InvalidHeader:  # not sent: the client itself refuses to write it
            return
        self.sent += 1
        kind = answer.headers.get("content-type", [""])[0]
        is_problem = kind == "application/problem+json" or case.path.startswith(FOREIGN)
        if (answer.status_code >= 500 and answer.status_code != NOT_IMPLEMENTED) or (
            answer.status_code >= 400 and not is_problem
        ):
            self.failures.append(f"{answer.status_code} {answer.text[:300]}\n  {case.as_curl_command()[:1000]}")


@pytest.mark.timeout(600 + SECONDS)
@pytest.mark.filterwarnings("ignore")
def test_no_request_that_the_openapi_page_allows_or_forbids_makes_a_5xx(own_system: RunningSystem) -> None:
    fuzzer, until, number = Fuzzer(own_system), time.monotonic() + SECONDS, 0
    while number == 0 or time.monotonic() < until:
        for operation in fuzzer.operations:
            if number and time.monotonic() >= until:
                break
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                fuzzer.ask(operation, mode, number)
        number += 1
    assert fuzzer.sent > 2 * len(fuzzer.operations)
    assert not fuzzer.failures, "\n".join(fuzzer.failures[:10])
