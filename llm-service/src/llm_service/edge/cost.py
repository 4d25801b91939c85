"""The ledger to protobuf and its questions from it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.llm.v1 import cost_pb2

from llm_service.domain.billing.ledger import CostGroup, CostRow, LedgerFilter, LedgerRow
from llm_service.edge.completion import cost_to_proto, usage_to_proto
from penstock_kit.context import Caller
from penstock_kit.errors import InvalidArgument, PermissionDenied
from penstock_kit.role import require_operator

_MOST_MINUTES: Final = timedelta(days=2)
_GROUPS: Final = {
    cost_pb2.COST_GROUP_UNSPECIFIED: CostGroup.TOTAL,
    cost_pb2.COST_GROUP_PROVIDER: CostGroup.PROVIDER,
    cost_pb2.COST_GROUP_MODEL: CostGroup.MODEL,
    cost_pb2.COST_GROUP_KEY: CostGroup.KEY,
    cost_pb2.COST_GROUP_USER: CostGroup.USER,
    cost_pb2.COST_GROUP_DAY: CostGroup.DAY,
    cost_pb2.COST_GROUP_MINUTE: CostGroup.MINUTE,
}


def group_from_proto(group: cost_pb2.CostGroup.ValueType) -> CostGroup:
    """Return by what to group. Raises InvalidArgument for a number that is none of ours."""
    if group not in _GROUPS:
        raise InvalidArgument(f"group_by {group} is unknown", reason="GROUP_INVALID")
    return _GROUPS[group]


def check_range(group: CostGroup, wanted: LedgerFilter) -> None:
    """Raise InvalidArgument (TIME_RANGE_INVALID) when groups by minute are asked for over more than two days."""
    if group is not CostGroup.MINUTE:
        return
    end = wanted.end or datetime.now(UTC)
    if wanted.start is None or end - wanted.start > _MOST_MINUTES:
        since = wanted.start or "the beginning"
        message = f"minutes from {since} to {end} are too many; give a start_time at most two days before the end"
        raise InvalidArgument(message, reason="TIME_RANGE_INVALID")


def filter_from_proto(
    request: cost_pb2.SummarizeCostsRequest | cost_pb2.ListLedgerRequest, caller: Caller
) -> LedgerFilter:
    """Return which rows `caller` asks for: everybody their own, administrators all of their tenant, operators all.

    Raises PermissionDenied when others' rows are asked for, InvalidArgument when the end is before the start.
    """
    user_id = request.user_id
    if not caller.is_admin:
        if user_id not in {"", caller.user_id}:
            raise PermissionDenied("only administrators see what others spent", reason="COSTS_DENIED")
        user_id = caller.user_id
    start = time_from_proto(request, "start_time") if request.HasField("start_time") else None
    end = time_from_proto(request, "end_time") if request.HasField("end_time") else None
    if start and end and end <= start:
        raise InvalidArgument(f"end_time {end} is not after start_time {start}", reason="TIME_RANGE_INVALID")
    tenant_id = caller.tenant_id
    if isinstance(request, cost_pb2.SummarizeCostsRequest) and request.all_tenants:
        require_operator("see what all tenants spent")
        tenant_id = None
    return LedgerFilter(tenant_id=tenant_id, start=start, end=end, user_id=user_id, key_id=request.key_id)


def cost_row_to_proto(row: CostRow) -> cost_pb2.CostRow:
    """Return one group of a summary."""
    proto = cost_pb2.CostRow(
        group=row.group,
        requests=row.requests,
        failures=row.failures,
        usage=usage_to_proto(row.usage),
        cost=cost_to_proto(row.cost),
        unpriced_requests=row.unpriced,
        cached_requests=row.cached,
        cache_savings=cost_to_proto(row.savings),
    )
    proto.mean_duration.FromNanoseconds(round(row.mean_duration * 1e9))
    return proto


def ledger_row_to_proto(row: LedgerRow) -> cost_pb2.LedgerEntry:
    """Return one row of the ledger."""
    proto = cost_pb2.LedgerEntry(
        id=row.id,
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        key_id=row.key_id,
        request_id=row.request_id,
        provider=row.provider,
        model=row.model,
        usage=usage_to_proto(row.usage),
        cost=cost_to_proto(row.cost),
        outcome=row.outcome.value,
        error_kind=row.error_kind,
        cached=row.cached,
        surface=row.surface,
        end_user=row.end_user,
        labels=row.labels,
    )
    proto.create_time.FromDatetime(row.create_time)
    proto.duration.FromNanoseconds(round(row.duration * 1e9))
    if row.time_to_first_token is not None:
        proto.time_to_first_token.FromNanoseconds(round(row.time_to_first_token * 1e9))
    return proto


def time_from_proto(request: Any, field: str) -> datetime:
    """Return the time in a field in UTC. Raises InvalidArgument (TIME_INVALID) for one that no calendar has."""
    proto: Timestamp = getattr(request, field)
    try:
        return proto.ToDatetime(UTC)
    except (ValueError, OverflowError):
        text = f"{field} is {proto.seconds} s and {proto.nanos} ns from 1970, outside of the years 1 to 9999"
        raise InvalidArgument(text, reason="TIME_INVALID") from None
