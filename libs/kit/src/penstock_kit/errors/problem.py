"""PenstockError as RFC 9457 problem details."""

from typing import Any

from penstock_kit.errors.error import PenstockError
from penstock_kit.errors.kind import http_status, title


def problem_from_error(error: PenstockError, *, instance: str, request_id: str) -> dict[str, Any]:
    """Return the body of an ``application/problem+json`` answer.

    `instance` is the path that was asked for. `errors` is there only when fields are at fault;
    `success` is always false, for callers of the /api/v2 envelope. The status to send with it is
    :func:`penstock_kit.errors.http_status`; send ``Retry-After`` from `error.retry_after` too.
    """
    problem: dict[str, Any] = {
        "type": f"urn:penstock:problem:{error.kind.value.lower().replace('_', '-')}",
        "title": title(error.kind),
        "status": http_status(error.kind),
        "detail": error.message,
        "instance": instance,
        "reason": error.reason,
        "request_id": request_id,
        "retryable": error.retryable,
        "success": False,
    }
    if error.violations:
        problem["errors"] = [{"field": v.field, "description": v.description} for v in error.violations]
    return problem
