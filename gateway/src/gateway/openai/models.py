"""``/v1/models`` as OpenAI's clients expect it."""

from penstock.llm.v1 import llm_pb2 as pb

from gateway.openai.field import JsonObject


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
    if model.context_window:
        json["context_window"] = model.context_window
    return json
