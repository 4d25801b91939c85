"""The form that an answer must have, as OpenAI's two dialects say it."""

from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.http.json import compact
from gateway.model_call.fields import Fields

FORMATS: Final = ("text", "json_object", "json_schema")


def add_response_format(completion: pb.CompletionRequest, kind: str, schema: Fields) -> None:
    """Ask for the form `kind` (``text``, ``json_object``, ``json_schema``); `schema` holds what the last needs."""
    target = completion.response_format
    match kind:
        case "json_object":
            target.kind = pb.ResponseFormat.KIND_JSON_OBJECT
        case "json_schema":
            target.kind = pb.ResponseFormat.KIND_JSON_SCHEMA
            target.name = schema.text("name", "answer")
            target.description = schema.text("description")
            target.strict = bool(schema.flag("strict"))
            target.schema_json = compact(schema.inner("schema").rest(), schema.at("schema"))
        case _:
            pass
