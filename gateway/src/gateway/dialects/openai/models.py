"""``/v1/models`` as OpenAI's clients expect it."""

from collections.abc import Sequence

from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import JsonObject
from penstock_kit.errors import NotFound


def model_from_proto(model: pb.Model) -> JsonObject:
    """Return one model; what OpenAI has no field for follows its own fields."""
    json: JsonObject = {
        "id": model.id,
        "object": "model",
        "created": model.create_time.seconds,
        "owned_by": model.provider,
        "aliases": list(model.aliases),
        "capabilities": list(model.capabilities),
    }
    if model.targets:
        json["targets"] = list(model.targets)
    if model.context_window:
        json["context_window"] = model.context_window
    return json


def find_model(models: Sequence[pb.Model], name: str) -> pb.Model:
    """Return the model that `name` means: an id, an alias or a bare name, of which the first provider's counts.

    Raises NotFound (MODEL_NOT_FOUND).
    """
    for model in models:
        if name == model.id:
            return model
    for model in models:
        if name in {model.id.partition("/")[2], *model.aliases}:
            return model
    message = f"there is no model {name!r}; GET /v1/models lists those you may use"
    raise NotFound(message, reason="MODEL_NOT_FOUND", metadata={"model": name})
