"""What is known of providers, routes, models and parsed prompts, to protobuf."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.llm.v1 import llm_pb2

from llm_service.domain.keys.key_pool import ApiKeyPool
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider_pool import LoadedProvider
from llm_service.domain.model.route import Route
from llm_service.domain.offline.query import Condition, Remark, StructuredQuery, TimeRange
from llm_service.domain.routing.health import ProviderRecord
from llm_service.domain.routing.model_list import ListedModel
from penstock_kit.breaker import BreakerState


def models_to_proto(models: Sequence[ListedModel]) -> Iterator[llm_pb2.Model]:
    """Yield the models that a caller may ask for."""
    for model in models:
        yield llm_pb2.Model(
            id=model.id,
            provider=model.provider,
            aliases=model.aliases,
            targets=model.targets,
            capabilities=["embedding" if model.is_embedding else "chat"],
        )


def provider_to_proto(
    profile: ProviderProfile,
    record: ProviderRecord,
    loaded: LoadedProvider | None,
    key_pool: ApiKeyPool | None,
    now: datetime,
) -> llm_pb2.ProviderState:
    """Return the state of one provider; its keys are masked."""
    proto = llm_pb2.ProviderState(
        name=profile.name,
        loaded=loaded is not None,
        breaker_state=key_pool.breaker.value if key_pool else BreakerState.CLOSED.value,
        last_error_kind=record.last_failure.value if record.last_failure else "",
        requests=record.requests,
        failures=record.failures,
        memory_bytes=loaded.memory_bytes if loaded else 0,
        models=profile.models,
        dialect=profile.dialect,
        keys=_keys(profile, key_pool),
    )
    if key_pool and (wait := key_pool.rests_for()):
        proto.cooldown_until.FromDatetime(now + timedelta(seconds=wait))
    if record.last_failure_time:
        proto.last_error_time.FromDatetime(record.last_failure_time)
    if record.latency_p50 is not None and record.latency_p95 is not None:
        proto.latency_p50.FromNanoseconds(round(record.latency_p50 * 1e9))
        proto.latency_p95.FromNanoseconds(round(record.latency_p95 * 1e9))
    if loaded:
        proto.load_time.FromNanoseconds(round(loaded.load_seconds * 1e9))
        proto.import_time.FromNanoseconds(round(loaded.import_seconds * 1e9))
    return proto


def _keys(profile: ProviderProfile, key_pool: ApiKeyPool | None) -> list[llm_pb2.ProviderKeyState]:
    if key_pool is None or not profile.keys:
        return []
    return [
        llm_pb2.ProviderKeyState(masked_key=key.masked, state=key.state.value, breaker_state=key.breaker.value)
        for key in key_pool.views()
    ]


def route_to_proto(route: Route) -> llm_pb2.ExplainRouteResponse:
    """Return where a request would go."""
    return llm_pb2.ExplainRouteResponse(
        policy=route.policy,
        alias=route.alias,
        candidates=[
            llm_pb2.RouteCandidate(
                provider=candidate.provider,
                model=candidate.model,
                eligible=candidate.eligible,
                why=candidate.why,
                score=candidate.score,
            )
            for candidate in route.candidates
        ],
    )


def query_to_proto(query: StructuredQuery) -> llm_pb2.StructuredQuery:
    """Return a parsed prompt."""
    time = query.time
    return llm_pb2.StructuredQuery(
        intent=query.intent.value,
        devices=query.devices,
        fields=query.fields,
        statistics=[statistic.value for statistic in query.statistics],
        start_time=_timestamp(time.start) if time and time.start else None,
        end_time=_timestamp(time.end) if time and time.end else None,
        model_code=query.model_code,
        language=query.language.value,
        confidence=query.confidence,
        conditions=[_condition(condition) for condition in query.conditions],
        percentiles=query.percentiles,
        interval=_duration(query.interval),
        row_limit=query.limit,
        unit=query.unit,
        time_zone=query.zone,
        all_devices=query.all_devices,
        excluded_devices=query.except_devices,
        asks_when=query.when,
        asks_which=query.rank,
        unread=query.unread,
        refused=query.refused,
        any_condition=query.any_condition,
        asks_moment=bool(time and time.instant),
        asks_whether=query.whether,
        ranking_limit=query.top,
        asks_unit=query.asks_unit,
        further_ranges=[_range(each) for each in query.periods[1:]],
        read_as=[
            llm_pb2.QueryReading(written=note.words[0], taken_for=note.words[1])
            for note in query.notes
            if note.remark in {Remark.READ_AS, Remark.DAY_FIRST}
        ],
        details=_details(query),
    )


def _judged(query: StructuredQuery) -> str:
    """The value to be judged: "voltage 24 V usual"."""
    value = query.judged
    return " ".join(filter(None, (value.field, f"{value.value:g}", value.unit, value.verdict))) if value else ""


def _details(query: StructuredQuery) -> dict[str, str]:
    """What of a query has no field of its own, by name; nothing that is asked for is left unsaid."""
    numbers = [str(reference.number) for reference in query.references if not reference.label]
    told: dict[str, str | bool] = {
        "shortest_spell_seconds": f"{query.least.total_seconds():g}" if query.least else "",
        "longer_than_that": query.over,
        "judged": _judged(query),
        "back_seconds": f"{query.back.total_seconds():g}" if query.back else "",
        "each_spell": query.each,
        "by_group": query.by_group,
        "groups": ",".join(reference.label for reference in query.references if reference.label),
        "device_numbers": ",".join(numbers),
        "without_outliers": query.robust,
        "since": query.since,
        "unread_negation": query.negation,
        "counts_intervals": query.counts_intervals,
        "now": query.holds,
        "once": ("first" if query.first else "last") if query.once else "",
        "ordered": query.ordered,
        "versus": query.versus,
        "decimals": "" if query.decimals is None else str(query.decimals),
        "window_size": str(query.window_size or ""),
        "window_seconds": f"{query.window_length.total_seconds():g}" if query.window_length else "",
        "first_rows": bool(query.limit) and not query.newest,
    }
    return {name: "true" if value is True else str(value) for name, value in told.items() if value}


def _range(time: TimeRange) -> llm_pb2.QueryRange:
    return llm_pb2.QueryRange(
        start_time=_timestamp(time.start) if time.start else None,
        end_time=_timestamp(time.end) if time.end else None,
    )


def _condition(condition: Condition) -> llm_pb2.QueryCondition:
    proto = llm_pb2.QueryCondition(field=condition.field, operator=condition.operator.value, unit=condition.unit)
    if isinstance(condition.value, str):
        proto.text = condition.value
    else:
        proto.number = condition.value
    return proto


def _duration(length: timedelta | None) -> Duration | None:
    if length is None:
        return None
    proto = Duration()
    proto.FromTimedelta(length)
    return proto


def _timestamp(time: datetime) -> Timestamp:
    proto = Timestamp()
    proto.FromDatetime(time)
    return proto
