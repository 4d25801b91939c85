"""Refuses new work while there is more than can be done, before anything is read or looked up for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.authenticator import Headers
from gateway.middleware.concurrency_limiter import ConcurrencyLimiter
from gateway.middleware.error_responses import send_error
from gateway.middleware.request import ENDPOINT_KEY, REFUSED_KEY
from penstock_kit.errors import Unavailable
from penstock_kit.logging import get_logger

# What ends work, or lets people in to see what is wrong, is done however much there is.
_ALWAYS: Final = ("/api/v2/auth/", "/api/v1/health/", "/api/v2/metrics", "/api/v1/monitoring/", "/v1/dashboard/")
_STOPS: Final = ("/stop", "/ticket")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH"})
_READS: Final = frozenset({"GET", "HEAD"})
# Where reads are of something that costs: not of pages, health and metrics, which are elsewhere.
_READ_BELOW: Final = ("/api/", "/v1/")
# Reads that last: they wait for what others write, or send what is there already.
_LASTING: Final = ("/events", "/download")
# Seconds between two lines of the log about refusals.
_LOG_SECONDS: Final = 10.0

# One for all refusals: making an exception for each would cost a good part of what refusing costs.
OVERLOADED: Final = Unavailable(
    "more is asked at once than this server can answer in time; come again in a moment",
    reason="LOAD_LIMIT_EXCEEDED",
    retry_after=1.0,
)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedWork:
    """The limit of what is asked below the paths that begin with `prefix`, which is what `service` answers.

    With `reads` it is that of lists, costs and the like, else of everything that makes or changes something.
    """

    prefix: str
    service: str
    limiter: ConcurrencyLimiter
    reads: bool = False


class WorkAdmission:
    """Decides over everything that makes or changes something, and by a limit of their own over reads. Health, metrics,
    the dashboard, stops and deletions go on.

    The first of `limits` whose prefix a path has counts it. `tenant_of` names the tenant of whoever was recognised
    lately by the same headers; all others share one part.
    """

    def __init__(self, limits: Sequence[LimitedWork], tenant_of: Callable[[Headers], str]) -> None:
        self._limits = limits
        self._log_at = 0.0
        self.tenant_of = tenant_of

    def work_of(self, method: str, path: str) -> LimitedWork | None:
        """Return what a request counts as, None when it is always done."""
        if path.startswith(_ALWAYS):
            return None
        if method in _WRITES:
            reads, counts = False, not path.endswith(_STOPS)
        else:
            reads = method in _READS
            counts = reads and path.startswith(_READ_BELOW) and not path.endswith(_LASTING)
        found = (each for each in self._limits if each.reads is reads and path.startswith(each.prefix))
        return next(found, None) if counts else None

    def note_refusal(self, work: LimitedWork) -> None:
        """Count a refusal, and say in the log that there are some."""
        limiter = work.limiter
        limiter.refused += 1
        now = time.monotonic()
        if now >= self._log_at:
            self._log_at = now + _LOG_SECONDS
            log.warning(
                "more is asked than can be answered in time: some of it is refused",
                service=work.service,
                refused=limiter.refused,
                in_flight=limiter.in_flight,
                limit=int(limiter.limit),
                delay_ms=round(limiter.delay * 1000, 1),
            )


class Overload:
    """Lets the work in that `admission` admits, and counts it until its answer has ended."""

    def __init__(self, app: ASGIApp, admission: WorkAdmission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope. What is too much is answered with 503 (LOAD_LIMIT_EXCEEDED) and Retry-After."""
        work = self._admission.work_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if work is None:
            await self._app(scope, receive, send)
            return
        tenant = self._admission.tenant_of(scope["headers"])
        if not work.limiter.acquire(tenant):
            scope[REFUSED_KEY], scope[ENDPOINT_KEY] = True, work.prefix
            self._admission.note_refusal(work)
            await send_error(OVERLOADED, scope, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            work.limiter.release(tenant)
