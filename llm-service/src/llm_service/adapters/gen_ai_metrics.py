"""OpenTelemetry's metrics for generative AI on /metrics, taken from the rows of the ledger as they are made."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from llm_service.domain.billing.ledger import CostGroup, CostRow, Ledger, LedgerFilter, LedgerPage, LedgerRow, Outcome
from llm_service.domain.model.failure import FailureKind

# The buckets that the conventions advise: seconds, and tokens.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
_KINDS: Final = frozenset(FailureKind)
# Models whose cost is counted apart.
_MOST_MODELS: Final = 500
_LABELS: Final = ("gen_ai_operation_name", "gen_ai_provider_name")
_OPERATIONS: Final = {"chat": "chat", "embed": "embeddings"}


class MeasuredLedger:
    """A ledger whose rows are counted on their way.

    There is no label for the model: callers may name any, and a metric must not grow with what they say. Only the cost
    has one, for models with a price, and for 500 of them.
    """

    def __init__(self, inner: Ledger, registry: CollectorRegistry) -> None:
        self._inner = inner
        self._children: dict[tuple[Histogram, tuple[str, ...]], Histogram] = {}
        self._duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Seconds from a request to the end of its answer.",
            [*_LABELS, "error_type"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            "gen_ai_client_time_to_first_token_seconds",
            "Seconds from a request to the first content.",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a call by type; prompt tokens read from and written to caches are input.",
            [*_LABELS, "gen_ai_token_type"],
            buckets=_TOKENS,
            registry=registry,
        )

        self._dollars = Counter(
            "penstock_llm_cost_dollars",
            "US dollars that calls with a known price cost.",
            ["provider", "model"],
            registry=registry,
        )
        self._priced: dict[tuple[str, str], Counter] = {}

    def record(self, row: LedgerRow) -> None:
        """Count `row` and hand it on."""
        if row.cost.amount:
            self._spent(row.provider, row.model).inc(float(row.cost.amount))
        labels = (_OPERATIONS.get(row.operation, row.operation), row.provider or "none")
        self._of(self._duration, *labels, _error_type(row)).observe(row.duration)
        if row.time_to_first_token is not None:
            self._of(self._first, *labels).observe(row.time_to_first_token)
        if row.usage.prompt or row.usage.completion:
            self._of(self._tokens, *labels, "input").observe(row.usage.prompt)
            self._of(self._tokens, *labels, "output").observe(row.usage.completion)
        self._inner.record(row)

    def _spent(self, provider: str, model: str) -> Counter:
        """Return the counter of a model, of all others together once there are many."""
        key = (provider, model)
        if key not in self._priced and len(self._priced) >= _MOST_MODELS:
            key = (provider, "other")
        counter = self._priced.get(key)
        if counter is None:
            counter = self._priced[key] = self._dollars.labels(*key)
        return counter

    def _of(self, histogram: Histogram, *labels: str) -> Histogram:
        """Return the histogram of these labels, resolved once: looking it up for each call is what costs."""
        key = (histogram, labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = histogram.labels(*labels)
        return child

    async def flush(self) -> None:
        """Flush the inner ledger."""
        await self._inner.flush()

    async def summarize(self, wanted: LedgerFilter, group: CostGroup) -> Sequence[CostRow]:
        """Return the inner ledger's sums."""
        return await self._inner.summarize(wanted, group)

    async def list_rows(self, wanted: LedgerFilter, *, page_size: int, page_token: str) -> LedgerPage:
        """Return the inner ledger's rows."""
        return await self._inner.list_rows(wanted, page_size=page_size, page_token=page_token)


def _error_type(row: LedgerRow) -> str:
    """A failure's kind, of a closed set; how it ended otherwise; empty for success."""
    if row.outcome is Outcome.OK:
        return ""
    return row.error_kind if row.error_kind in _KINDS else row.outcome.value
