"""The ledger: one row for every call, however it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from llm_service.domain.model.usage import UNKNOWN_COST, Cost, Usage


class Outcome(StrEnum):
    """The outcome of a model call."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    BUDGET_EXCEEDED = "budget_exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One model call: user, key, provider, tokens, cost and outcome. Durations are in seconds."""

    id: str
    create_time: datetime
    tenant_id: str
    user_id: str
    key_id: str
    request_id: str
    operation: str
    provider: str
    model: str
    requested_model: str
    usage: Usage
    cost: Cost
    outcome: Outcome
    duration: float
    cache_savings: Cost = UNKNOWN_COST
    time_to_first_token: float | None = None
    error_kind: str = ""
    finish_reason: str = ""
    attempts: int = 1
    cached: bool = False
    surface: str = ""
    end_user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class CostGroup(StrEnum):
    """The dimension by which a summary is grouped; TOTAL is one row."""

    TOTAL = "total"
    PROVIDER = "provider"
    MODEL = "model"
    KEY = "key"
    USER = "user"
    DAY = "day"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """The filter of a listing or summary: rows of one tenant (None: of all), from `start` (inclusive) to `end`
    (exclusive), of a user or key when given.
    """

    tenant_id: str | None
    start: datetime | None = None
    end: datetime | None = None
    user_id: str = ""
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """Sums of one group. Calls without a known price are in `unpriced`, and not in `cost`."""

    group: str
    requests: int
    failures: int
    usage: Usage
    cost: Cost
    unpriced: int
    cached: int
    savings: Cost
    mean_duration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Rows, newest first, and the token of the next page (empty: no more)."""

    rows: tuple[LedgerRow, ...]
    next_page_token: str = ""


class Ledger(Protocol):
    """The port of the store of model calls."""

    def record(self, row: LedgerRow) -> None:
        """Take `row` to be written soon. Never blocks or fails, so that it can stand in a ``finally``."""
        ...

    async def flush(self) -> None:
        """Return when every row taken so far is written."""
        ...

    async def summarize(self, wanted: LedgerFilter, group: CostGroup) -> Sequence[CostRow]:
        """Return the sums by group, the most expensive first (days in order)."""
        ...

    async def list_rows(self, wanted: LedgerFilter, *, page_size: int, page_token: str) -> LedgerPage:
        """Return rows, newest first."""
        ...
