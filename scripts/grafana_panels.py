"""What Grafana shows, as data: scripts/grafana_dashboards.py makes deploy/grafana/dashboards of it.

Every query is run against a real Prometheus beside a run by tests/observability, and must return data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """How a panel is drawn, by Grafana's names."""

    STAT = "stat"
    CHART = "timeseries"
    BARS = "bargauge"
    LOGS = "logs"


class Source(StrEnum):
    """Where a panel's figures come from: the fixed uids of deploy/grafana/provisioning/datasources."""

    PROMETHEUS = "penstock-prometheus"
    LOKI = "penstock-loki"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression, and how its series are named in the legend."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel: `unit` is one of Grafana's, `width` counts columns of 24."""

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Kind = Kind.CHART
    width: int = 8
    text: str = ""
    source: Source = Source.PROMETHEUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard under a uid that stays, for links to it."""

    uid: str
    title: str
    panels: Sequence[Panel]


def _stat(title: str, expr: str, unit: str = "short") -> Panel:
    return Panel(title=title, queries=[Query(expr=expr)], unit=unit, kind=Kind.STAT, width=4)


def _chart(title: str, expr: str, legend: str = "", unit: str = "short", text: str = "") -> Panel:
    return Panel(title=title, queries=[Query(expr=expr, legend=legend)], unit=unit, text=text)


def _quantiles(title: str, histogram: str, text: str = "") -> Panel:
    queries = [
        Query(
            expr=f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[$__rate_interval])))",
            legend=name,
        )
        for name, share in (("median", 0.5), ("P95", 0.95), ("P99", 0.99))
    ]
    return Panel(title=title, queries=queries, unit="s", text=text)


def _p95(title: str, histogram: str, by: str) -> Panel:
    expr = f"histogram_quantile(0.95, sum by (le, {by}) (rate({histogram}_bucket[$__rate_interval])))"
    return _chart(title, expr, f"{{{{{by}}}}}", "s")


_JOBS: Final = "gateway|llm-service|chat-stream-service|feature-service|cache-service"
_ANSWERS: Final = "penstock_http_answers_total"
_ANSWER_SECONDS: Final = "penstock_http_answer_seconds"

OVERVIEW: Final = Dashboard(
    uid="penstock-overview",
    title="Penstock: overview",
    panels=(
        _stat("Requests per second", f"sum(rate({_ANSWERS}[$__rate_interval]))", "reqps"),
        _stat("Requests, 24 h", f"sum(increase({_ANSWERS}[24h]))"),
        _stat(
            "Failing, 5 min",
            f'sum(rate({_ANSWERS}{{status_class="5xx"}}[5m])) / sum(rate({_ANSWERS}[5m]))',
            "percentunit",
        ),
        _stat(
            "P95 response time, 5 min",
            f"histogram_quantile(0.95, sum by (le) (rate({_ANSWER_SECONDS}_bucket[5m])))",
            "s",
        ),
        _stat("Cache hit rate, 10 min", "avg(penstock_cache_recent_hit_rate)", "percentunit"),
        _stat("Alerts firing", 'count(ALERTS{alertstate="firing"}) or vector(0)'),
        _chart(
            "Requests by class of status",
            f"sum by (status_class) (rate({_ANSWERS}[$__rate_interval]))",
            "{{status_class}}",
            "reqps",
        ),
        _quantiles("Response time", _ANSWER_SECONDS, "Of event streams to their first byte; without sockets."),
        _chart(
            "Errors by route",
            'topk(10, sum by (endpoint, status) (rate(http_requests_total{status=~"[45].."}[$__rate_interval])))',
            "{{status}} {{endpoint}}",
            "reqps",
        ),
        _chart(
            "Response time by route",
            "topk(10, histogram_quantile(0.95, sum by (le, endpoint)"
            " (rate(http_request_duration_seconds_bucket[$__rate_interval]))))",
            "{{endpoint}}",
            "s",
            "The ten slowest by P95.",
        ),
        _chart(
            "Calls of services by outcome",
            "sum by (service, code) (rate(penstock_rpc_requests_total[$__rate_interval]))",
            "{{service}} {{code}}",
            "reqps",
        ),
        _p95("Calls of services, P95", "penstock_rpc_duration_seconds", "service"),
        Panel(
            title="Under way",
            queries=[
                Query(expr="sum(http_requests_in_flight)", legend="requests"),
                Query(expr="sum(http_streams_active)", legend="event streams"),
            ],
        ),
        _chart(
            "Sign-ins with a password",
            "sum by (outcome) (rate(penstock_sign_ins_total[$__rate_interval]))",
            "{{outcome}}",
            "reqps",
        ),
        _chart("Alerts firing in the gateway", "max by (severity) (penstock_alerts_firing)", "{{severity}}"),
        _chart(
            "Notifications",
            "sum by (kind, outcome) (rate(penstock_notifications_total[$__rate_interval]))",
            "{{kind}} {{outcome}}",
            "ops",
        ),
        _chart(
            "Refused under load",
            "sum by (service) (rate(penstock_overload_refused_total[$__rate_interval]))",
            "{{service}}",
            "reqps",
        ),
    ),
)

MODELS: Final = Dashboard(
    uid="penstock-models",
    title="Penstock: models and cost",
    panels=(
        _stat("Cost, 24 h", "sum(increase(penstock_llm_cost_dollars_total[24h]))", "currencyUSD"),
        _stat("Tokens, 24 h", "sum(increase(gen_ai_client_token_usage_sum[24h]))"),
        _stat("Calls, 24 h", "sum(increase(gen_ai_client_operation_duration_seconds_count[24h]))"),
        _stat("Breakers open", "count(max by (provider) (penstock_llm_breaker_open) == 1) or vector(0)"),
        _stat("Keys refused", 'sum(max by (provider) (penstock_llm_keys{state="dead"}))'),
        _stat("Configuration in force", "min(penstock_llm_configuration_ok)", "bool_yes_no"),
        _chart(
            "Dollars per hour by model",
            "sum by (provider, model) (rate(penstock_llm_cost_dollars_total[$__rate_interval])) * 3600",
            "{{provider}} {{model}}",
            "currencyUSD",
        ),
        _chart(
            "Tokens per second by type",
            "sum by (gen_ai_provider_name, gen_ai_token_type) (rate(gen_ai_client_token_usage_sum[$__rate_interval]))",
            "{{gen_ai_provider_name}} {{gen_ai_token_type}}",
        ),
        _chart(
            "Calls by provider and outcome",
            "sum by (gen_ai_provider_name, gen_ai_operation_name, error_type)"
            " (rate(gen_ai_client_operation_duration_seconds_count[$__rate_interval]))",
            "{{gen_ai_provider_name}} {{gen_ai_operation_name}} {{error_type}}",
            "reqps",
        ),
        _p95("Seconds by provider", "gen_ai_client_operation_duration_seconds", "gen_ai_provider_name"),
        _p95("Seconds to the first token", "gen_ai_client_time_to_first_token_seconds", "gen_ai_provider_name"),
        _chart(
            "Attempts by provider",
            "sum by (provider) (rate(penstock_llm_attempts_total[$__rate_interval]))",
            "{{provider}}",
            "reqps",
        ),
        _chart(
            "Failures by kind",
            "sum by (provider, kind) (rate(penstock_llm_failures_total[$__rate_interval])) > 0",
            "{{provider}} {{kind}}",
            "reqps",
        ),
        _chart("Breakers", "max by (provider) (penstock_llm_breaker_open)", "{{provider}}", "short", "1: open."),
        _chart("Keys by state", "max by (provider, state) (penstock_llm_keys)", "{{provider}} {{state}}"),
        Panel(
            title="Budgets",
            queries=[
                Query(
                    expr="max by (budget, scope, period) (penstock_llm_budget_spent_ratio)",
                    legend="{{budget}} {{scope}} {{period}}",
                )
            ],
            unit="percentunit",
            kind=Kind.BARS,
            text="Spent share of each budget that was spent from.",
        ),
    ),
)

STREAMS: Final = Dashboard(
    uid="penstock-streams",
    title="Penstock: streams",
    panels=(
        _stat("Streams being made", "sum(penstock_stream_active)"),
        _stat("Readers connected", "sum(penstock_stream_active_connections)"),
        _stat("Streams, 24 h", "sum(increase(penstock_stream_started_total[24h]))"),
        _stat(
            "P95 to the first event, 5 min",
            "histogram_quantile(0.95, sum by (le) (rate(penstock_stream_first_byte_seconds_bucket[5m])))",
            "s",
        ),
        _stat("Events per second", "sum(rate(penstock_stream_events_total[$__rate_interval]))"),
        _stat("Stale connections ended, 24 h", "sum(increase(penstock_stream_stale_cleaned_total[24h]))"),
        Panel(
            title="Streams begun and ended",
            queries=[
                Query(expr="sum(rate(penstock_stream_started_total[$__rate_interval]))", legend="begun"),
                Query(
                    expr="sum by (outcome) (rate(penstock_stream_ended_total[$__rate_interval]))",
                    legend="{{outcome}}",
                ),
            ],
            unit="ops",
        ),
        _quantiles("Seconds to the first event", "penstock_stream_first_byte_seconds"),
        _chart("Chunks per second", "sum(rate(penstock_stream_chunks_total[$__rate_interval]))", "chunks"),
        _chart("Tool calls", "sum by (tool) (rate(penstock_tool_calls_total[$__rate_interval]))", "{{tool}}", "ops"),
        _chart(
            "Tool calls that failed",
            "sum by (tool) (rate(penstock_tool_errors_total[$__rate_interval]))",
            "{{tool}}",
            "ops",
        ),
        _p95("Seconds of a tool", "penstock_tool_seconds", "tool"),
        _chart(
            "Turns by engine", "sum by (engine) (rate(penstock_engine_turns_total[$__rate_interval]))", "{{engine}}"
        ),
        _chart(
            "Recalls by outcome",
            "sum by (engine, outcome) (rate(penstock_memory_recalls_total[$__rate_interval]))",
            "{{engine}} {{outcome}}",
            "ops",
        ),
        _chart(
            "Turns kept by memories",
            "sum by (engine, outcome) (rate(penstock_memory_keeps_total[$__rate_interval]))",
            "{{engine}} {{outcome}}",
            "ops",
        ),
    ),
)

DEVICES: Final = Dashboard(
    uid="penstock-devices",
    title="Penstock: devices and features",
    panels=(
        _stat("Devices active, last hour", "sum(penstock_devices_active)"),
        _stat("Rows, 24 h", "sum(increase(penstock_rows_ingested_total[24h]))"),
        _stat("Rows refused, 24 h", "sum(increase(penstock_rows_refused_total[24h]))"),
        _stat("Questions under way", "sum(active_queries)"),
        _stat("Questions, 24 h", "sum(increase(model_query_total[24h]))"),
        _stat("Extractions, 24 h", "sum(increase(feature_extraction_total[24h]))"),
        Panel(
            title="Rows per second",
            queries=[
                Query(expr="sum(rate(penstock_rows_ingested_total[$__rate_interval]))", legend="stored"),
                Query(expr="sum(rate(penstock_rows_refused_total[$__rate_interval]))", legend="refused"),
            ],
        ),
        _chart(
            "Questions by model",
            "topk(10, sum by (model_code, model_type) (rate(model_query_total[$__rate_interval])))",
            "{{model_code}} {{model_type}}",
            "ops",
        ),
        _p95("Seconds of a question by model", "model_query_duration_seconds", "model_code"),
        _chart(
            "Extractions by model",
            "topk(10, sum by (model_code) (rate(feature_extraction_total[$__rate_interval])))",
            "{{model_code}}",
            "ops",
        ),
        _chart(
            "Calls by method",
            'sum by (method) (rate(penstock_rpc_requests_total{service="feature-service"}[$__rate_interval])) > 0',
            "{{method}}",
            "ops",
        ),
        _chart(
            "P95 by method",
            "histogram_quantile(0.95, sum by (le, method)"
            ' (rate(penstock_rpc_duration_seconds_bucket{service="feature-service"}[$__rate_interval])))',
            "{{method}}",
            "s",
        ),
    ),
)

INFRASTRUCTURE: Final = Dashboard(
    uid="penstock-infrastructure",
    title="Penstock: cache and infrastructure",
    panels=(
        _stat("Services up", f'sum(up{{job=~"{_JOBS}"}})'),
        _stat("Cache hit rate, 10 min", "avg(penstock_cache_recent_hit_rate)", "percentunit"),
        _stat("Values held", "sum(penstock_cache_entries)"),
        _stat("Bytes held", "sum(penstock_cache_bytes)", "bytes"),
        _stat("Disk used", "max(penstock_home_disk_used_ratio)", "percentunit"),
        _stat("Memory of all services", "sum(penstock_process_resident_memory_bytes)", "bytes"),
        _chart("Hit rate by namespace", "avg by (namespace) (cache_hit_rate)", "{{namespace}}", "percentunit"),
        _chart(
            "Reads by outcome",
            "sum by (outcome) (rate(penstock_cache_reads_total[$__rate_interval]))",
            "{{outcome}}",
            "ops",
        ),
        Panel(
            title="Writes, evictions, errors",
            queries=[
                Query(expr=f"sum(rate(penstock_cache_{name}_total[$__rate_interval]))", legend=name)
                for name in ("sets", "deletes", "evictions", "expirations", "errors")
            ],
            unit="ops",
        ),
        _chart("Breaker to Redis", "max by (state) (penstock_cache_breaker)", "{{state}}"),
        _chart(
            "Semantic cache",
            "sum by (outcome) (rate(penstock_semantic_cache_lookups_total[$__rate_interval]))",
            "{{outcome}}",
            "ops",
        ),
        _chart(
            "Database: reads and transactions",
            "sum by (service, kind) (rate(penstock_database_queries_total[$__rate_interval]))",
            "{{service}} {{kind}}",
            "ops",
        ),
        Panel(
            title="Database: slow and failed",
            queries=[
                Query(
                    expr="sum by (service) (rate(penstock_database_slow_queries_total[$__rate_interval]))",
                    legend="{{service}} slow",
                ),
                Query(
                    expr="sum by (service) (rate(penstock_database_failures_total[$__rate_interval]))",
                    legend="{{service}} failed",
                ),
            ],
            unit="ops",
            text="Slow: more than 0.5 s.",
        ),
        _chart(
            "Database: connections in use",
            "max by (service) (penstock_database_connections_in_use)",
            "{{service}}",
        ),
        _chart(
            "Processors by service",
            "sum by (service) (rate(penstock_process_cpu_seconds[$__rate_interval]))",
            "{{service}}",
            "percentunit",
            "1 is one processor.",
        ),
        _chart(
            "Memory by service", "sum by (service) (penstock_process_resident_memory_bytes)", "{{service}}", "bytes"
        ),
        _chart("Open files by service", "sum by (service) (penstock_process_open_fds)", "{{service}}"),
        _chart("Threads by service", "sum by (service) (penstock_process_threads)", "{{service}}"),
        _p95("Lag of the event loop, P95", "event_loop_lag_seconds", "service"),
        _chart(
            "Worst lag since the last scrape", "max by (service) (event_loop_lag_worst_seconds)", "{{service}}", "s"
        ),
        _chart("Share of new work refused", "max by (service) (penstock_overload_share)", "{{service}}", "percentunit"),
    ),
)


def _log_chart(title: str, expr: str, legend: str) -> Panel:
    return Panel(title=title, queries=[Query(expr=expr, legend=legend)], source=Source.LOKI, width=12)


LOGS: Final = Dashboard(
    uid="penstock-logs",
    title="Penstock: logs",
    panels=(
        _log_chart(
            "Lines by service and level",
            'sum by (service_name, level) (count_over_time({service_name=~".+"}[$__auto]))',
            "{{service_name}} {{level}}",
        ),
        _log_chart(
            "Errors and warnings by event",
            'topk(10, sum by (service_name, event) (count_over_time({level=~"error|warning"} | json event="event"'
            " [$__auto])))",
            "{{service_name}}: {{event}}",
        ),
        Panel(
            title="Errors and warnings",
            queries=[Query(expr='{level=~"error|warning"} | json')],
            kind=Kind.LOGS,
            source=Source.LOKI,
            width=24,
            text="Filter by `request_id` or `trace_id`: both are fields of the line, no labels.",
        ),
        Panel(
            title="All lines",
            queries=[Query(expr='{service_name=~".+"}')],
            kind=Kind.LOGS,
            source=Source.LOKI,
            width=24,
        ),
    ),
)

DASHBOARDS: Final = (OVERVIEW, MODELS, STREAMS, DEVICES, INFRASTRUCTURE, LOGS)
