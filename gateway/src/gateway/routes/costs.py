"""What model calls cost: summaries, the ledger, budgets, prices."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastapi import Depends, Header, Path, Query, Response
from penstock.llm.v1 import cost_pb2 as pb
from pydantic import Field

from gateway.auth.budget_access import BudgetAccess
from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN, COSTS, OPERATOR
from gateway.convert.cost import (
    DECIMAL,
    budget_from_proto,
    cost_row_from_proto,
    csv_from_ledger,
    csv_from_rows,
    ledger_entry_from_proto,
    money_to_proto,
    price_from_proto,
)
from gateway.convert.protobuf import build_message
from gateway.convert.scalar import JsonObject, Moment, time_to_proto
from gateway.http.content_negotiation import preferred_type
from gateway.http.json import JsonResponse
from gateway.routes.listing import listing
from gateway.routes.parameters import PageSize, PageToken
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.context import current_context

if TYPE_CHECKING:
    from penstock.llm.v1.cost_pb2_grpc import CostServiceAsyncStub

_GROUPS: Final = {
    "": pb.COST_GROUP_UNSPECIFIED,
    "provider": pb.COST_GROUP_PROVIDER,
    "model": pb.COST_GROUP_MODEL,
    "key": pb.COST_GROUP_KEY,
    "user": pb.COST_GROUP_USER,
    "day": pb.COST_GROUP_DAY,
}
Group = Annotated[Literal["", "provider", "model", "key", "user", "day"], Query(description="Empty: only the total.")]
From = Annotated[Moment | None, Query(description="Inclusive, ISO 8601.")]
Until = Annotated[Moment | None, Query(description="Exclusive, ISO 8601.")]
Format = Annotated[Literal["", "json", "csv"], Query(description="Empty: as the header Accept says, else JSON.")]
Accept = Annotated[str, Header(include_in_schema=False)]
BudgetId = Annotated[str, Path(max_length=64)]
Subject = Annotated[str, Query(max_length=64)]


class BudgetPut(RequestModel):
    """A limit on spending."""

    id: str = Field(default="", max_length=64, description="Of the budget to replace; empty: a new one.")
    scope: Literal["key", "user", "total"]
    subject: str = Field(default="", max_length=64, description="Key id or user id; empty with `total`.")
    period: Literal["day", "month", "total"] = "month"
    limit: str = Field(pattern=DECIMAL, description='US dollars as a decimal string, such as "25.00".')


class PricePut(RequestModel):
    """A price in US dollars per million tokens, as decimal strings; empty: unknown."""

    provider: str = Field(min_length=1, max_length=64)
    model: str = Field(min_length=1, max_length=200)
    input: str = Field(pattern=DECIMAL)
    output: str = Field(default="", pattern=rf"{DECIMAL}|^$", description="Not needed for a model that embeds.")
    cache_read: str = Field(default="", pattern=rf"{DECIMAL}|^$")
    cache_write: str = Field(default="", pattern=rf"{DECIMAL}|^$")


class CostRoutes:
    """The routes below ``/api/v1/costs``, ``/api/v1/budgets`` and ``/api/v1/prices``."""

    def __init__(self, *, costs: "CostServiceAsyncStub", guard: Guard, budget_access: BudgetAccess) -> None:
        self._costs = costs
        self._budget_access = budget_access
        self.router = api_router("costs", guard.needs(COSTS))
        admin = [Depends(guard.needs(ADMIN))]
        add(self.router, "GET /api/v1/costs/summary", self.summarize_costs)
        add(self.router, "GET /api/v1/costs/ledger", self.list_ledger)
        add(self.router, "GET /api/v1/budgets", self.list_budgets)
        add(self.router, "POST /api/v1/budgets", self.create_budget, dependencies=admin, status_code=201)
        add(self.router, "PUT /api/v1/budgets", self.put_budget, dependencies=admin)
        add(self.router, "PUT /api/v1/budgets/{budget_id}", self.replace_budget, dependencies=admin)
        add(self.router, "DELETE /api/v1/budgets/{budget_id}", self.delete_budget, dependencies=admin, status_code=204)
        add(self.router, "GET /api/v1/prices", self.list_prices)
        operator = [Depends(guard.needs(OPERATOR))]
        add(self.router, "PUT /api/v1/prices", self.put_price, dependencies=operator)

    async def summarize_costs(
        self,
        *,
        group_by: Group = "",
        start_time: From = None,
        end_time: Until = None,
        user_id: Subject = "",
        key_id: Subject = "",
        format: Format = "",
        accept: Accept = "",
    ) -> Response:
        """Sum the ledger, grouped, as JSON or CSV. Only administrators see other users' calls."""
        request = build_message(
            pb.SummarizeCostsRequest,
            group_by=_GROUPS[group_by],
            start_time=time_to_proto(start_time),
            end_time=time_to_proto(end_time),
            user_id=user_id,
            key_id=key_id,
        )
        response = await self._costs.SummarizeCosts(request)
        if _wants_csv(format, accept):
            return _csv("costs.csv", csv_from_rows(response.rows if group_by else [response.total]))
        rows = [cost_row_from_proto(row) for row in response.rows]
        body = {"group_by": group_by or None, "rows": rows, "total": cost_row_from_proto(response.total)}
        return JsonResponse(body, headers={"vary": "accept"})

    async def list_ledger(
        self,
        *,
        page_size: PageSize = 0,
        page_token: PageToken = "",
        start_time: From = None,
        end_time: Until = None,
        user_id: Subject = "",
        key_id: Subject = "",
        format: Format = "",
        accept: Accept = "",
    ) -> Response:
        """List model calls, newest first, as JSON or CSV; the token of the next page of a CSV is in the header
        `x-next-page-token`."""
        request = build_message(
            pb.ListLedgerRequest,
            page_size=page_size,
            page_token=page_token,
            start_time=time_to_proto(start_time),
            end_time=time_to_proto(end_time),
            user_id=user_id,
            key_id=key_id,
        )
        response = await self._costs.ListLedger(request)
        if _wants_csv(format, accept):
            return _csv("ledger.csv", csv_from_ledger(response.entries), next_page_token=response.next_page_token)
        entries = [ledger_entry_from_proto(entry) for entry in response.entries]
        body = listing("entries", entries, response.next_page_token)
        return JsonResponse(body, headers={"vary": "accept"})

    async def list_budgets(self, page_size: PageSize = 0, page_token: PageToken = "") -> Response:
        """List budgets with what is spent."""
        response = await self._costs.ListBudgets(
            build_message(pb.ListBudgetsRequest, page_size=page_size, page_token=page_token)
        )
        budgets = [budget_from_proto(budget) for budget in response.budgets]
        return JsonResponse(listing("budgets", budgets, response.next_page_token))

    async def create_budget(self, body: BudgetPut) -> Response:
        """Create a budget. Calls that would pass it are refused, running streams are cut at it."""
        return JsonResponse(await self._put_budget(body, body.id), 201)

    async def put_budget(self, body: BudgetPut) -> Response:
        """Create a budget, or replace the one with this `id`."""
        return JsonResponse(await self._put_budget(body, body.id))

    async def replace_budget(self, budget_id: BudgetId, body: BudgetPut) -> Response:
        """Replace a budget; what is spent in the running period stays."""
        return JsonResponse(await self._put_budget(body, budget_id))

    async def delete_budget(self, budget_id: BudgetId) -> Response:
        """Delete a budget."""
        await self._budget_access.check_existing(current_context().caller, budget_id)
        await self._costs.DeleteBudget(pb.DeleteBudgetRequest(id=budget_id))
        return Response(status_code=204)

    async def list_prices(self, provider: str = "", page_size: PageSize = 0, page_token: PageToken = "") -> Response:
        """List the prices in force."""
        request = build_message(pb.ListPricesRequest, provider=provider, page_size=page_size, page_token=page_token)
        response = await self._costs.ListPrices(request)
        prices = [price_from_proto(price) for price in response.prices]
        return JsonResponse(listing("prices", prices, response.next_page_token))

    async def put_price(self, body: PricePut) -> Response:
        """Set an operator's price for a model; it counts for every tenant."""
        response = await self._costs.PutPrice(pb.PutPriceRequest(price=pb.Price(**body.model_dump())))
        return JsonResponse(price_from_proto(response.price))

    async def _put_budget(self, body: BudgetPut, budget_id: str) -> JsonObject:
        caller = current_context().caller
        await self._budget_access.check_existing(caller, budget_id)
        await self._budget_access.check_subject(caller, body.scope, body.subject)
        fields = body.model_dump(exclude={"id", "limit"})
        budget = pb.Budget(id=budget_id, limit=money_to_proto(body.limit), **fields)
        response = await self._costs.PutBudget(pb.PutBudgetRequest(budget=budget))
        return budget_from_proto(response.budget)


def _wants_csv(format: str, accept: str) -> bool:
    return (format or preferred_type(accept, ("application/json", "text/csv"))) in {"csv", "text/csv"}


def _csv(filename: str, text: str, *, next_page_token: str = "") -> Response:
    headers = {"content-disposition": f'attachment; filename="{filename}"', "vary": "accept"}
    if next_page_token:
        headers["x-next-page-token"] = next_page_token
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
