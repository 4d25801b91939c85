"""``/v1/embeddings``: requests in all four forms of input, vectors as floats or base64."""

import base64
import sys
from array import array
from typing import Any, Final, cast

from penstock.llm.v1 import llm_pb2 as pb

from gateway.http.json import compact
from gateway.http.names import END_USER
from gateway.model_call.fields import Fields, JsonObject, reject_field

_MOST: Final = 2048
# Token ids of all inputs together, as many as OpenAI takes.
_MOST_TOKENS: Final = 300_000
# Numbers of one vector; llm-service takes no more.
MOST_DIMENSIONS: Final = 8192


def embed_request_from_json(body: JsonObject, *, idempotency_key: str) -> tuple[pb.EmbedRequest, bool]:
    """Return the request and whether the vectors are wanted as base64; raise InvalidArgument naming the field."""
    fields = Fields(body)
    request = pb.EmbedRequest(
        model=fields.text("model"),
        dimensions=fields.integer("dimensions", least=1, most=MOST_DIMENSIONS) or 0,
        end_user=fields.text("user", most=END_USER),
        idempotency_key=idempotency_key,
    )
    encoded = fields.choice("encoding_format", ("float", "base64"), "float") == "base64"
    _add_input(request, fields.take("input"))
    if rest := fields.rest():
        request.extra_json = compact(rest, "body")
    return request, encoded


def embeddings_from_proto(response: pb.EmbedResponse, *, encoded: bool) -> JsonObject:
    """Return the body of the answer."""
    usage = response.usage
    tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _vector(entry.values, encoded=encoded)}
            for index, entry in enumerate(response.embeddings)
        ],
        "model": response.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "x_penstock": {"provider": response.provider, "cost": {"amount": response.cost.amount or None}},
    }


def _add_input(request: pb.EmbedRequest, value: Any) -> None:
    """Take a text, texts, token ids, or lists of token ids."""
    if isinstance(value, str):
        request.inputs.append(value)
        return
    if not isinstance(value, list) or not value:
        reject_field("input", "must be a string, an array of strings, or token ids, and not be empty")
    items = cast("list[Any]", value)
    if len(items) > _MOST and type(items[0]) is not int:
        reject_field("input", f"must have at most {_MOST} entries, not {len(items)}")
    tokens = sum(len(cast("list[Any]", item)) if isinstance(item, list) else 1 for item in items)
    if tokens > _MOST_TOKENS:
        reject_field("input", f"must have at most {_MOST_TOKENS:,} token ids together, not {tokens:,}")
    if all(isinstance(item, str) for item in items):
        request.inputs.extend(items)
    elif _tokens(items):
        request.token_inputs.add(tokens=items)
    elif all(isinstance(item, list) and _tokens(cast("list[Any]", item)) for item in items):
        for item in items:
            request.token_inputs.add(tokens=item)
    else:
        reject_field("input", "must not mix strings, token ids and lists")


def _tokens(items: list[Any]) -> bool:
    return bool(items) and all(type(item) is int and 0 <= item < 2**31 for item in items)


def _vector(values: bytes, *, encoded: bool) -> str | list[float]:
    if encoded:
        return base64.b64encode(values).decode("ascii")
    numbers = array("f")
    numbers.frombytes(values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
