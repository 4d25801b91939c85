"""``/v1/models`` as Anthropic's clients expect it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.model_call.fields import JsonObject
from penstock_kit.errors import InvalidArgument

_DEFAULT_LIMIT: Final = 20
_MOST: Final = 1000


def speaks_anthropic(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the caller speaks Anthropic's protocol."""
    return any(name == b"anthropic-version" for name, _ in headers)


def anthropic_model_from_proto(model: pb.Model) -> JsonObject:
    """Return one model; a release date that is not known is the epoch, as Anthropic's own documentation has it."""
    created = datetime.fromtimestamp(model.create_time.seconds, UTC)
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}",
    }


def anthropic_page(models: Sequence[pb.Model], *, limit: str, after_id: str, before_id: str) -> JsonObject:
    """Return one page of the models that answer: Anthropic's clients know none that embeds.

    Raises InvalidArgument for a wrong limit or a cursor that is no such model's id.
    """
    models, size = [model for model in models if _answers(model)], _size(limit)
    if after_id:
        rest = models[_index(models, "after_id", after_id) + 1 :]
        page, has_more = rest[:size], len(rest) > size
    elif before_id:
        rest = models[: _index(models, "before_id", before_id)]
        page, has_more = rest[-size:], len(rest) > size
    else:
        page, has_more = models[:size], len(models) > size
    return {
        "data": [anthropic_model_from_proto(model) for model in page],
        "has_more": has_more,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def _answers(model: pb.Model) -> bool:
    return not model.capabilities or "chat" in model.capabilities


def _size(limit: str) -> int:
    if not limit:
        return _DEFAULT_LIMIT
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:5]) <= _MOST:
        raise InvalidArgument(f"limit: must be a number from 1 to {_MOST}", reason="PAGE_SIZE_INVALID")
    return int(limit[:5])


def _index(models: Sequence[pb.Model], name: str, model_id: str) -> int:
    found = next((at for at, model in enumerate(models) if model.id == model_id), None)
    if found is None:
        raise InvalidArgument(f"{name}: there is no model {model_id!r}", reason="PAGE_TOKEN_INVALID")
    return found
