"""Answers and vectors as bytes, to be kept under an idempotency key."""

import base64
from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from llm_service.adapters.event_json import events_from_json, json_from_events
from llm_service.domain.embedding.embedding_call import Embedded
from llm_service.domain.model.provider import Embeddings, EventBatch
from llm_service.domain.model.usage import Cost, Usage
from llm_service.domain.parsing.prompt_parser import ParsedPrompt
from llm_service.domain.reuse.idempotent_execution import Codec

_COST: Final = TypeAdapter(Cost)
_USAGE: Final = TypeAdapter(Usage)
_PARSED: Final = TypeAdapter(ParsedPrompt)


def batch_codec() -> Codec[EventBatch]:
    """Return the codec of an answer's events; they come back as one batch."""
    return Codec(encode=_bytes_from_batches, decode=_batches_from_bytes)


def embedded_codec() -> Codec[Embedded]:
    """Return the codec of vectors."""
    return Codec(encode=_bytes_from_embedded, decode=_embedded_from_bytes)


def parsed_codec() -> Codec[ParsedPrompt]:
    """Return the codec of a parsed prompt."""
    return Codec(encode=lambda found: _PARSED.dump_json(found[0]), decode=_parsed_from_bytes)


def _parsed_from_bytes(data: bytes) -> Sequence[ParsedPrompt] | None:
    try:
        return [_PARSED.validate_json(data)]
    except ValueError:
        return None


def _bytes_from_batches(batches: Sequence[EventBatch]) -> bytes:
    return orjson.dumps(json_from_events([event for batch in batches for event in batch]))


def _batches_from_bytes(data: bytes) -> Sequence[EventBatch] | None:
    try:
        return [events_from_json(orjson.loads(data))]
    except ValueError:
        return None


def _bytes_from_embedded(found: Sequence[Embedded]) -> bytes:
    embedded = found[0]
    values = [base64.b64encode(each).decode("ascii") for each in embedded.vectors.values]
    return orjson.dumps(
        {
            "provider": embedded.provider,
            "model": embedded.vectors.model,
            "values": values,
            "usage": _USAGE.dump_python(embedded.vectors.usage, mode="json"),
            "cost": _COST.dump_python(embedded.cost, mode="json"),
        }
    )


def _embedded_from_bytes(data: bytes) -> Sequence[Embedded] | None:
    try:
        decoded: dict[str, Any] = orjson.loads(data)
        vectors = Embeddings(
            model=decoded["model"],
            values=tuple(base64.b64decode(each) for each in decoded["values"]),
            usage=_USAGE.validate_json(orjson.dumps(decoded["usage"])),
        )
        cost = _COST.validate_json(orjson.dumps(decoded["cost"]))
        return [Embedded(provider=decoded["provider"], vectors=vectors, cost=cost)]
    except (ValueError, KeyError, TypeError):
        return None
