"""``x_penstock``: the options that a request adds to its dialect, and the extras that an answer does."""

from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.http.names import LABEL_NAME, LABEL_VALUE, MOST_LABELS
from gateway.model_call.fields import Fields, JsonObject, reject_field

_POLICIES: Final = ("order", "weight", "cost", "latency", "hedge")


def add_options(completion: pb.CompletionRequest, fields: Fields) -> None:
    """Take Penstock's own options: ``x_penstock: {policy, exclude_providers, labels, cache: {…}}``."""
    completion.policy = fields.choice("policy", _POLICIES)
    completion.exclude_providers.extend(fields.texts("exclude_providers"))
    for name, value in _labels(fields.inner("labels")).items():
        completion.labels[name] = value
    cache = fields.inner("cache")
    policy = completion.cache
    policy.bypass = bool(cache.flag("bypass"))
    policy.semantic = bool(cache.flag("semantic"))
    policy.threshold = cache.number("threshold", least=0, most=1) or 0.0
    # Only an answer that would come out the same anyway is taken from the exact cache unasked, and only the user's own.
    sampling = completion.sampling
    fixed = sampling.HasField("temperature") and sampling.temperature == 0
    exact = cache.flag("exact")
    policy.exact = (fixed if exact is None else exact) and not policy.bypass
    policy.own = policy.exact and exact is None


def _labels(fields: Fields) -> dict[str, str]:
    """Return the labels as texts; raise InvalidArgument (REQUEST_INVALID) for more or longer ones than are kept."""
    labels = {name: str(value) for name, value in fields.rest().items()}
    if len(labels) > MOST_LABELS:
        reject_field(fields.path, f"must have at most {MOST_LABELS} entries, not {len(labels)}")
    for name, value in labels.items():
        if len(name) > LABEL_NAME:
            reject_field(fields.path, f"has a name of {len(name)} characters; it must have at most {LABEL_NAME}")
        if len(value) > LABEL_VALUE:
            reject_field(fields.at(name), f"must have at most {LABEL_VALUE} characters, not {len(value)}")
    return labels


def extras_from_proto(started: pb.Started, finished: pb.Finished) -> JsonObject:
    """Return what rides in the top-level ``x_penstock`` of an answer."""
    extras: JsonObject = {
        "provider": started.provider,
        "finish_reason": finished.finish_reason,
        "degraded": started.degraded,
        "estimated_usage": finished.usage.estimated,
    }
    if finished.vendor_finish_reason not in {"", finished.finish_reason}:
        extras["vendor_finish_reason"] = finished.vendor_finish_reason
    if started.cache:
        extras["cache"] = started.cache
    if finished.HasField("cost"):
        cost = finished.cost
        extras["cost"] = {
            "amount": cost.amount or None,
            "currency": cost.currency or "USD",
            "source": cost.source,
        }
    if finished.ledger_id:
        extras["ledger_id"] = finished.ledger_id
    return extras
