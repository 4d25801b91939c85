"""CostService: reports of the ledger. Budgets, key policies and prices set at run time are not there yet."""

from collections.abc import Mapping
from typing import Any, Final

import grpc.aio
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc

from llm_service.domain.ledger import CostGroup, Ledger
from llm_service.domain.price import Price
from llm_service.edge.cost import (
    cost_row_to_proto,
    filter_from_proto,
    group_from_proto,
    ledger_row_to_proto,
    price_to_proto,
)
from penstock_kit.context import current_context
from penstock_kit.errors import Unimplemented

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 100
_LARGEST_PAGE: Final = 1000


class CostServicer(cost_pb2_grpc.CostServiceServicer):
    """Answers the RPCs of penstock.llm.v1.CostService."""

    def __init__(self, *, ledger: Ledger, prices: Mapping[tuple[str, str], Price]) -> None:
        self._ledger = ledger
        self._prices = prices

    async def SummarizeCosts(  # noqa: N802
        self, request: cost_pb2.SummarizeCostsRequest, context: Context
    ) -> cost_pb2.SummarizeCostsResponse:
        """Sum up the caller's rows, an administrator's whole tenant."""
        wanted = filter_from_proto(request, current_context().caller)
        total = await self._ledger.summarize(wanted, CostGroup.TOTAL)
        group = group_from_proto(request.group_by)
        rows = await self._ledger.summarize(wanted, group) if group is not CostGroup.TOTAL else ()
        return cost_pb2.SummarizeCostsResponse(
            rows=[cost_row_to_proto(row) for row in rows], total=cost_row_to_proto(total[0])
        )

    async def ListLedger(  # noqa: N802
        self, request: cost_pb2.ListLedgerRequest, context: Context
    ) -> cost_pb2.ListLedgerResponse:
        """List rows, newest first."""
        page = await self._ledger.list_rows(
            filter_from_proto(request, current_context().caller),
            page_size=min(request.page_size or _DEFAULT_PAGE, _LARGEST_PAGE),
            page_token=request.page_token,
        )
        return cost_pb2.ListLedgerResponse(
            entries=[ledger_row_to_proto(row) for row in page.rows], next_page_token=page.next_page_token
        )

    async def ListPrices(self, request: cost_pb2.ListPricesRequest, context: Context) -> cost_pb2.ListPricesResponse:  # noqa: N802
        """List the operator's prices."""
        return cost_pb2.ListPricesResponse(
            prices=[
                price_to_proto(provider, model, price)
                for (provider, model), price in sorted(self._prices.items())
                if request.provider in {"", provider}
            ]
        )

    async def PutPrice(self, request: cost_pb2.PutPriceRequest, context: Context) -> cost_pb2.PutPriceResponse:  # noqa: N802
        """Not there yet."""
        raise _later("prices can't be set at run time")

    async def PutBudget(self, request: cost_pb2.PutBudgetRequest, context: Context) -> cost_pb2.PutBudgetResponse:  # noqa: N802
        """Not there yet."""
        raise _later("budgets can't be set")

    async def ListBudgets(  # noqa: N802
        self, request: cost_pb2.ListBudgetsRequest, context: Context
    ) -> cost_pb2.ListBudgetsResponse:
        """Not there yet."""
        raise _later("budgets can't be set")

    async def DeleteBudget(  # noqa: N802
        self, request: cost_pb2.DeleteBudgetRequest, context: Context
    ) -> cost_pb2.DeleteBudgetResponse:
        """Not there yet."""
        raise _later("budgets can't be set")

    async def PutKeyPolicy(  # noqa: N802
        self, request: cost_pb2.PutKeyPolicyRequest, context: Context
    ) -> cost_pb2.PutKeyPolicyResponse:
        """Not there yet."""
        raise _later("key policies can't be set")

    async def GetKeyPolicy(  # noqa: N802
        self, request: cost_pb2.GetKeyPolicyRequest, context: Context
    ) -> cost_pb2.GetKeyPolicyResponse:
        """Not there yet."""
        raise _later("key policies can't be set")

    async def DeleteKeyPolicy(  # noqa: N802
        self, request: cost_pb2.DeleteKeyPolicyRequest, context: Context
    ) -> cost_pb2.DeleteKeyPolicyResponse:
        """Not there yet."""
        raise _later("key policies can't be set")


def _later(what: str) -> Unimplemented:
    return Unimplemented(f"{what} in this version of llm-service")
