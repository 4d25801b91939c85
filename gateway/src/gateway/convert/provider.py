"""Providers, routes and structured queries → JSON."""

from penstock.llm.v1 import llm_pb2 as pb

from gateway.convert.scalar import JsonObject, milliseconds, time_from_proto

_MEGABYTE = 1024 * 1024


def providers_from_proto(listed: pb.ListProvidersResponse) -> JsonObject:
    """Return all that is known of the providers."""
    return {
        "loaded_providers": list(listed.loaded_providers),
        "available_providers": list(listed.available_providers),
        "cache_size": listed.cache_size,
        "rss_mb": round(listed.rss_bytes / _MEGABYTE, 1),
        "configuration_error": listed.configuration_error or None,
        "providers": {state.name: _provider(state) for state in listed.providers},
    }


def query_from_proto(response: pb.ParsePromptResponse) -> JsonObject:
    """Return the structured query, and what understood it."""
    query = response.query
    return {
        "intent": query.intent,
        "devices": list(query.devices),
        "fields": list(query.fields),
        "statistics": list(query.statistics),
        "start_time": time_from_proto(query, "start_time"),
        "end_time": time_from_proto(query, "end_time"),
        "model_code": query.model_code or None,
        "language": query.language,
        "confidence": round(query.confidence, 3),
        "conditions": [_condition(condition) for condition in query.conditions],
        "percentiles": list(query.percentiles),
        "interval_seconds": query.interval.ToTimedelta().total_seconds() if query.HasField("interval") else None,
        "row_limit": query.row_limit or None,
        "unit": query.unit or None,
        "time_zone": query.time_zone or None,
        "all_devices": query.all_devices,
        "excluded_devices": list(query.excluded_devices),
        "asks_when": query.asks_when,
        "asks_which": query.asks_which,
        "unread": list(query.unread),
        "refused": query.refused or None,
        "any_condition": query.any_condition,
        "asks_moment": query.asks_moment,
        "asks_whether": query.asks_whether,
        "ranking_limit": query.ranking_limit or None,
        "asks_unit": query.asks_unit,
        "further_ranges": [
            {"start_time": time_from_proto(each, "start_time"), "end_time": time_from_proto(each, "end_time")}
            for each in query.further_ranges
        ],
        "read_as": [{"written": each.written, "taken_for": each.taken_for} for each in query.read_as],
        "details": dict(query.details),
        "source": response.source,
        "provider": response.provider or None,
    }


def _condition(condition: pb.QueryCondition) -> JsonObject:
    return {
        "field": condition.field,
        "operator": condition.operator,
        "value": condition.text if condition.WhichOneof("value") == "text" else condition.number,
        "unit": condition.unit or None,
    }


def explanation_from_proto(response: pb.ExplainRouteResponse) -> JsonObject:
    """Return where a request would go, and why."""
    return {
        "policy": response.policy,
        "alias": response.alias or None,
        "candidates": [
            {
                "provider": candidate.provider,
                "model": candidate.model,
                "eligible": candidate.eligible,
                "why": candidate.why,
                "score": candidate.score,
            }
            for candidate in response.candidates
        ],
    }


def _provider(state: pb.ProviderState) -> JsonObject:
    return {
        "loaded": state.loaded,
        "dialect": state.dialect or None,
        "breaker_state": state.breaker_state,
        "last_error_kind": state.last_error_kind or None,
        "last_error_time": time_from_proto(state, "last_error_time"),
        "latency_p50_ms": milliseconds(state, "latency_p50"),
        "latency_p95_ms": milliseconds(state, "latency_p95"),
        "memory_mb": round(state.memory_bytes / _MEGABYTE, 2) if state.loaded else None,
        "load_ms": milliseconds(state, "load_time"),
        "sdk_import_ms": milliseconds(state, "import_time"),
        "requests": state.requests,
        "failures": state.failures,
        "cooldown_until": time_from_proto(state, "cooldown_until"),
        "models": list(state.models),
        "keys": [
            {"masked_key": key.masked_key, "state": key.state, "breaker_state": key.breaker_state} for key in state.keys
        ],
    }
