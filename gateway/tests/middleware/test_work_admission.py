"""What counts against which limit while more is asked than can be done, and what always goes on."""

import pytest

from gateway.middleware.concurrency_limiter import ConcurrencyLimiter
from gateway.middleware.overload import LimitedWork, WorkAdmission

CALLS, CHATS, OTHERS = "/v1/", "/api/v1/conversations", "/"


def limit(prefix: str, *, reads: bool = False) -> LimitedWork:
    return LimitedWork(prefix=prefix, service="reads" if reads else prefix, limiter=ConcurrencyLimiter(0), reads=reads)


ADMISSION = WorkAdmission(
    (limit(CALLS), limit(CHATS), limit(OTHERS), limit(OTHERS, reads=True)), tenant_of=lambda _: ""
)


def counted_as(method: str, path: str) -> str:
    work = ADMISSION.work_of(method, path)
    return work.service if work else "always"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/chat/completions", CALLS), ("/v1/embeddings", CALLS), ("/api/v1/conversations", CHATS),
        ("/api/v1/conversations/conv_1/stream", CHATS), ("/api/v2/data/ingest", OTHERS), ("/write", OTHERS),
        ("/mcp", OTHERS), ("/api/v1/keys", OTHERS),
    ],
)  # fmt: skip
def test_what_makes_or_changes_something_counts_where_the_first_prefix_fits(
    method: str, path: str, service: str
) -> None:
    assert counted_as(method, path) == service


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/auth/login", "/api/v2/auth/refresh", "/api/v1/streams/strm_1/stop", "/api/v1/streams/strm_1/ticket",
        "/api/v1/clients/cli_1/ticket", "/v1/dashboard/ticket", "/api/v1/monitoring/providers", "/api/v1/health/stream",
        "/api/v2/metrics",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_signing_in_health_figures_stops_and_tickets_always_go_on(method: str, path: str) -> None:
    expected = "reads" if method in {"GET", "HEAD"} and path.endswith(("/stop", "/ticket")) else "always"
    expected = "always" if path.startswith("/v1/dashboard/") else expected
    assert counted_as(method, path) == expected


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/costs/summary", "reads"), ("/v1/models", "reads"), ("/api/v2/metadata/devices", "reads"),
        ("/api/v1/streams/strm_1/events", "always"), ("/api/v2/ai/datasets/ds_1/download", "always"), ("/", "always"),
        ("/dashboard", "always"), ("/health", "always"), ("/metrics", "always"),
    ],
)  # fmt: skip
def test_reads_have_a_limit_of_their_own_but_for_pages_and_those_that_last(
    method: str, path: str, service: str
) -> None:
    assert counted_as(method, path) == service


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS"])
def test_deletions_and_what_browsers_ask_beforehand_always_go_on(method: str) -> None:
    assert counted_as(method, "/api/v1/conversations/conv_1") == "always"
    assert counted_as(method, "/v1/models") == "always"


def test_every_refusal_is_counted_at_the_limit_that_refused() -> None:
    work = limit(CALLS)
    for _ in range(3):
        ADMISSION.note_refusal(work)
    assert work.limiter.refused == 3
