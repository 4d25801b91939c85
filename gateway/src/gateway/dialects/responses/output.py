"""Output items of a response: reasoning, messages and function calls, as they are when they are done."""

from collections.abc import Sequence
from typing import Final

import orjson
from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import JsonObject
from gateway.model_call.picture import base64_of

# Before what is encrypted instead of a text, to tell it from the proof of one.
REDACTED_MARK: Final = "redacted:"


def proof_of(thinking: pb.ThinkingPart | pb.ThinkingDelta) -> str:
    """Return what the vendor wants to see again of a block of reasoning, empty for nothing."""
    return REDACTED_MARK + thinking.redacted if thinking.redacted else thinking.signature


def reasoning_item(identity: str, text: str, proof: str, status: str = "completed") -> JsonObject:
    """Return reasoning; `proof` is what the vendor wants to see again, empty for none."""
    summary = [summary_part(text)] if text else []
    return {
        "id": identity,
        "type": "reasoning",
        "status": status,
        "summary": summary,
        "content": [],
        "encrypted_content": proof or None,
    }


def summary_part(text: str) -> JsonObject:
    """Return the text of some reasoning."""
    return {"type": "summary_text", "text": text}


def message_item(identity: str, content: Sequence[JsonObject], status: str) -> JsonObject:
    """Return what the assistant said."""
    said = {"role": "assistant", "content": list(content), "phase": None}
    return {"id": identity, "type": "message", "status": status, **said}


def text_part(text: str, annotations: Sequence[JsonObject] = (), logprobs: str = "") -> JsonObject:
    """Return a text of the assistant; `logprobs` is OpenAI's JSON of a chat choice."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": list(annotations),
        "logprobs": token_logprobs(logprobs),
    }


def refusal_part(text: str) -> JsonObject:
    """Return a refusal of the assistant."""
    return {"type": "refusal", "refusal": text}


def picture_item(identity: str, picture: pb.Picture | None) -> JsonObject:
    """Return a picture that the model made, None for one under way."""
    status = "completed" if picture else "in_progress"
    made: JsonObject = {"id": identity, "type": "image_generation_call", "status": status, "result": None}
    if picture:
        made |= {"result": base64_of(picture), "output_format": picture.media_type.partition("/")[2] or None}
    return made


def annotation_from_proto(annotation: pb.Annotation) -> JsonObject:
    """Return a cited source."""
    return {
        "type": "url_citation",
        "url": annotation.url,
        "title": annotation.title,
        "start_index": annotation.start_index,
        "end_index": annotation.end_index,
    }


def token_logprobs(logprobs: str) -> list[JsonObject]:
    """Return the tokens in a chat choice's ``logprobs``."""
    if not logprobs:
        return []
    content: list[JsonObject] | None = orjson.loads(logprobs).get("content")
    return content or []
