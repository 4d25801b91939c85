"""Which rows of the ledger a caller may ask for, and over which time."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.llm.v1 import cost_pb2

from llm_service.domain.billing.ledger import CostGroup, LedgerFilter
from llm_service.edge.cost import check_range, filter_from_proto
from penstock_kit.context import ADMIN_SCOPE, Caller
from penstock_kit.errors import InvalidArgument, PermissionDenied

ANN = Caller(user_id="ann", tenant_id="acme")
ADMIN = Caller(user_id="root", tenant_id="acme", scopes=frozenset({ADMIN_SCOPE}))
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("end", "is_refused"), [(99, True), (100, True), (101, False)])
def test_a_time_that_does_not_end_after_its_start_is_refused(end: int, is_refused: bool) -> None:
    request = cost_pb2.ListLedgerRequest(start_time=Timestamp(seconds=100), end_time=Timestamp(seconds=end))
    if not is_refused:
        assert filter_from_proto(request, ANN).end == datetime.fromtimestamp(end, UTC)
        return
    with pytest.raises(InvalidArgument) as refused:
        filter_from_proto(request, ANN)
    assert refused.value.reason == "TIME_RANGE_INVALID"


def test_everybody_sees_his_own_rows_and_administrators_those_of_their_tenant() -> None:
    own = filter_from_proto(cost_pb2.ListLedgerRequest(), ANN)
    assert (own.tenant_id, own.user_id) == ("acme", "ann")
    every = filter_from_proto(cost_pb2.ListLedgerRequest(), ADMIN)
    assert (every.tenant_id, every.user_id) == ("acme", "")
    with pytest.raises(PermissionDenied) as refused:
        filter_from_proto(cost_pb2.ListLedgerRequest(user_id="bob"), ANN)
    assert refused.value.reason == "COSTS_DENIED"


@pytest.mark.parametrize(("seconds", "is_refused"), [(0, False), (1, True)])
def test_minutes_are_grouped_over_two_days_at_most(seconds: int, is_refused: bool) -> None:
    wanted = LedgerFilter(tenant_id="acme", start=NOW - timedelta(days=2, seconds=seconds), end=NOW)
    check_range(CostGroup.DAY, wanted)
    if not is_refused:
        check_range(CostGroup.MINUTE, wanted)
        return
    with pytest.raises(InvalidArgument) as refused:
        check_range(CostGroup.MINUTE, wanted)
    assert refused.value.reason == "TIME_RANGE_INVALID"
