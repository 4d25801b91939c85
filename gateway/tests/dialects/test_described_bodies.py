"""What ``/openapi.json`` says of the dialects' bodies is what their readers take."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from annotated_types import Ge, Le
from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway.dialects.anthropic import request as anthropic_request
from gateway.dialects.anthropic.openapi import MessagesBody
from gateway.dialects.anthropic.request import message_request_from_json
from gateway.dialects.openai import embedding
from gateway.dialects.openai import request as openai_request
from gateway.dialects.openai import tool as openai_tool
from gateway.dialects.openai.embedding import embed_request_from_json
from gateway.dialects.openai.openapi import ChatCompletionBody, EmbeddingsBody
from gateway.dialects.openai.request import chat_request_from_json
from gateway.dialects.responses import request as responses_request
from gateway.dialects.responses.openapi import ResponsesBody
from gateway.dialects.responses.request import response_request_from_json
from penstock_kit.errors import InvalidArgument

_HELLO = [{"role": "user", "content": "Hello"}]
# What needs something stored is refused whatever it holds; docs say so in words.
_REFUSED = frozenset({"previous_response_id", "conversation", "prompt"})
# One value of each kind that a field may be wrong by.
_KINDS: tuple[Any, ...] = ("text", True, 1.5, -(2**70), {"a": 1}, [1])
# Loosely typed on purpose: any value of JSON is taken as it is.
_LOOSE = frozenset({("ResponsesBody", "metadata")})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    body: type[BaseModel]
    read: Callable[[dict[str, Any]], object]
    least: dict[str, Any]
    modules: tuple[ModuleType, ...]


_DIALECTS = (
    _Dialect(
        body=ChatCompletionBody,
        read=chat_request_from_json,
        least={"messages": _HELLO},
        modules=(openai_request, openai_tool),
    ),
    _Dialect(
        body=EmbeddingsBody,
        read=lambda body: embed_request_from_json(body, idempotency_key=""),
        least={"input": "Hello"},
        modules=(embedding,),
    ),
    _Dialect(
        body=ResponsesBody, read=response_request_from_json, least={"input": "Hello"}, modules=(responses_request,)
    ),
    _Dialect(
        body=MessagesBody,
        read=message_request_from_json,
        least={"messages": _HELLO, "max_tokens": 5},
        modules=(anthropic_request,),
    ),
)


def _names_read(module: ModuleType) -> set[str]:
    """Return the first arguments of calls such as ``fields.text("model")`` where `fields` are the body's."""
    names: set[str] = set()
    for function in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(function, ast.FunctionDef) or not _takes_body(function):
            continue
        for node in ast.walk(function):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="fields"), attr=attribute),
                    args=[ast.Constant(value=str(name)), *_],
                ) if attribute != "at":
                    names.add(name)
                case _:
                    pass
    return names


def _takes_body(function: ast.FunctionDef) -> bool:
    return function.name.endswith("_from_json") or function.name in {
        *("_add_knobs", "_sampling", "add_tools", "_add_tools", "_add_output", "_drop_kept", "_refuse_stored"),
    }


@pytest.mark.parametrize("dialect", _DIALECTS, ids=lambda dialect: dialect.body.__name__)
def test_every_field_that_a_reader_takes_is_described(dialect: _Dialect) -> None:
    read = set[str]().union(*(_names_read(module) for module in dialect.modules))

    assert len(read) > 3
    assert read - _REFUSED <= dialect.body.model_fields.keys()


@pytest.mark.parametrize("dialect", _DIALECTS, ids=lambda dialect: dialect.body.__name__)
def test_what_the_description_refuses_the_reader_refuses_by_name(dialect: _Dialect) -> None:
    tried = 0
    for name, field in dialect.body.model_fields.items():
        adapter = TypeAdapter[Any](dialect.body)
        for value in _KINDS:
            body = {**dialect.least, name: value}
            if _fits(adapter, body) or (dialect.body.__name__, name) in _LOOSE:
                continue
            tried += 1
            with pytest.raises(InvalidArgument) as refusal:
                dialect.read(body)
            assert refusal.value.violations[0].field.partition(".")[0].partition("[")[0] == name, (name, value, field)
    assert tried > len(dialect.body.model_fields)


@pytest.mark.parametrize("dialect", _DIALECTS, ids=lambda dialect: dialect.body.__name__)
def test_what_the_description_takes_of_plain_fields_the_reader_takes(dialect: _Dialect) -> None:
    adapter = TypeAdapter[Any](dialect.body)
    for name in dialect.body.model_fields.keys() - {"messages", "input", "tools", "tool_choice"}:
        for value in (*_KINDS, None, 1, 20, "low", "float"):
            body = {**dialect.least, name: value}
            if _fits(adapter, body) and not isinstance(value, dict | list):
                dialect.read(body)


@pytest.mark.parametrize("dialect", _DIALECTS, ids=lambda dialect: dialect.body.__name__)
def test_bounds_of_numbers_are_those_of_the_reader(dialect: _Dialect) -> None:
    for name, field in dialect.body.model_fields.items():
        for bound in field.metadata:
            match bound:
                case Ge(ge=int(least)):
                    right, wrong = least, least - 1
                case Le(le=int(most)):
                    right, wrong = most, most + 1
                case _:
                    continue
            dialect.read({**dialect.least, name: right})
            with pytest.raises(InvalidArgument, match=name):
                dialect.read({**dialect.least, name: wrong})


def _fits(adapter: TypeAdapter[Any], body: dict[str, Any]) -> bool:
    try:
        adapter.validate_python(body, strict=True)
    except ValidationError:
        return False
    return True
