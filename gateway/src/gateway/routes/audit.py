"""The audit log, for administrators of a tenant and for operators."""

import csv
import io
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import Header, Query, Response

from gateway.audit.entry import AuditEntry
from gateway.audit.store import AuditQuery, AuditStore
from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN, OPERATOR
from gateway.convert.csv_cell import harmless
from gateway.convert.scalar import Moment, in_utc
from gateway.http.content_negotiation import preferred_type
from gateway.http.json import JsonResponse, encode
from gateway.routes.listing import listing
from gateway.routes.parameters import PageSize, PageToken
from gateway.routes.router import add, api_router
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument
from penstock_kit.role import require_scope

_PAGE: Final = 100
_COLUMNS: Final = (
    "time", "tenant_id", "user_id", "username", "key_id", "address", "action", "target", "outcome", "details",
    "request_id",
)  # fmt: skip
From = Annotated[Moment | None, Query(description="Inclusive, ISO 8601.")]
Until = Annotated[Moment | None, Query(description="Exclusive, ISO 8601.")]
Format = Annotated[Literal["", "json", "csv"], Query(description="Empty: as the header Accept says, else JSON.")]
Accept = Annotated[str, Header(include_in_schema=False)]
Action = Annotated[str, Query(max_length=64, description="Such as `key.create`; empty: all.")]
Tenant = Annotated[str, Query(max_length=64, description="Empty: your own; `*` or another's: for operators.")]
User = Annotated[str, Query(max_length=64, description="Whose acts; empty: everybody's.")]


class AuditRoutes:
    """``GET /api/v1/audit``: a tenant's acts for its administrators, those of all for operators."""

    def __init__(self, *, store: AuditStore, guard: Guard) -> None:
        self._store = store
        self.router = api_router("audit", guard.needs(ADMIN))
        add(self.router, "GET /api/v1/audit", self.list_audit)

    async def list_audit(
        self,
        *,
        page_size: PageSize = 0,
        page_token: PageToken = "",
        action: Action = "",
        user_id: User = "",
        tenant_id: Tenant = "",
        start_time: From = None,
        end_time: Until = None,
        format: Format = "",
        accept: Accept = "",
    ) -> Response:
        """List who did what, newest first, as JSON or CSV; the token of the next page of a CSV is in the header
        `x-next-page-token`."""
        size = page_size or _PAGE
        query = AuditQuery(
            tenant_id=_tenant(tenant_id),
            action=action,
            user_id=user_id,
            start_time=in_utc(start_time) if start_time else None,
            end_time=in_utc(end_time) if end_time else None,
            before_id=_before(page_token),
            limit=size + 1,
        )
        found = await self._store.list(query)
        page = found[:size]
        token = str(page[-1].id) if len(found) > size else ""
        if format == "csv" or (not format and preferred_type(accept, ("application/json", "text/csv")) == "text/csv"):
            headers = {"content-disposition": 'attachment; filename="audit.csv"', "vary": "accept"}
            if token:
                headers["x-next-page-token"] = token
            return Response(csv_from_audit(page), media_type="text/csv", headers=headers)
        body = listing("entries", [audit_to_json(entry) for entry in page], token)
        return JsonResponse(body, headers={"vary": "accept"})


def audit_to_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as the API shows it."""
    return {
        "id": str(entry.id),
        "time": entry.time,
        "tenant_id": entry.tenant_id,
        "user_id": entry.user_id or None,
        "username": entry.username or None,
        "key_id": entry.key_id or None,
        "address": entry.address or None,
        "action": entry.action,
        "target": entry.target or None,
        "outcome": entry.outcome,
        "details": dict(entry.details),
        "request_id": entry.request_id,
    }


def csv_from_audit(entries: Iterable[AuditEntry]) -> str:
    """Return entries as CSV; what a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for entry in entries:
        shown = {**audit_to_json(entry), "details": encode(dict(entry.details)).decode()}
        shown["time"] = f"{entry.time:%Y-%m-%dT%H:%M:%S.%fZ}"
        writer.writerow([harmless(str(shown[name] or "")) for name in _COLUMNS])
    return text.getvalue()


def _tenant(asked: str) -> str:
    """Return the tenant to read, empty for all of them. Raises PermissionDenied (SCOPE_REQUIRED)."""
    caller = current_context().caller
    if asked in {"", caller.tenant_id}:
        return caller.tenant_id
    require_scope(caller, OPERATOR)
    return "" if asked == "*" else asked


def _before(token: str) -> int:
    if token and not (token.isascii() and token.isdecimal() and len(token) <= 18):
        raise InvalidArgument(f"{token!r} is no page token of this list", reason="PAGE_TOKEN_INVALID")
    return int(token or 0)
