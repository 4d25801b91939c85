"""Tools of a Responses request: functions as they are, custom ones as functions of one text, the rest named.

A custom tool (Codex has them) takes free text; every vendor knows functions. So it becomes a function with one string
``input`` and its calls become custom calls again. Tools in a namespace become functions whose names begin with it.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from penstock.common.v1.common_pb2 import ToolCall, ToolDefinition

from gateway.http.json import compact
from gateway.model_call.fields import Fields, JsonObject, reject_field

_INPUT: Final = "input"
_CUSTOM_SCHEMA: Final = orjson.dumps(
    {"type": "object", "properties": {_INPUT: {"type": "string"}}, "required": [_INPUT], "additionalProperties": False}
).decode()
_SEPARATOR: Final = "__"


class ResponseTools:
    """The tools that are offered, by the names they have for the model. `dropped` names what goes no further."""

    def __init__(self) -> None:
        self.definitions: list[ToolDefinition] = []
        self.dropped: list[str] = []
        self._custom: set[str] = set()
        self._namespaces: dict[str, tuple[str, str]] = {}

    def add(self, items: list[Any], path: str) -> None:
        """Take tools as the request has them. Raises InvalidArgument for one without a name."""
        for index, item in enumerate(items):
            self._add(Fields(item, f"{path}[{index}]"), "")

    def _add(self, fields: Fields, namespace: str) -> None:
        kind = fields.text("type", "function")
        match kind:
            case "function":
                self._offer(fields, namespace, fields.text("description"), _parameters(fields))
            case "custom":
                name = self._offer(fields, namespace, _described(fields), _CUSTOM_SCHEMA)
                self._custom.add(name)
            case "namespace" if not namespace:
                name, path = _name(fields), fields.at("tools")
                for index, item in enumerate(fields.items("tools")):
                    self._add(Fields(item, f"{path}[{index}]"), name)
            case _:
                self.dropped.append(f"tools.{kind}")

    def _offer(self, fields: Fields, namespace: str, description: str, parameters: str) -> str:
        name = _name(fields)
        flat = self.flat_name(namespace, name)
        if namespace:
            self._namespaces[flat] = (namespace, name)
        tool = ToolDefinition(
            name=flat, description=description, parameters_json=parameters, strict=bool(fields.flag("strict"))
        )
        if all(other.name != flat for other in self.definitions):
            self.definitions.append(tool)
        self.dropped += [f"tools.{field}" for field, value in fields.rest().items() if value]
        return flat

    @staticmethod
    def flat_name(namespace: str, name: str) -> str:
        """Return the name that a tool has for the model."""
        if not namespace:
            return name
        return f"{namespace}{name}" if namespace.endswith(_SEPARATOR) else f"{namespace}{_SEPARATOR}{name}"

    def is_custom(self, name: str) -> bool:
        """Whether the tool `name` takes free text."""
        return name in self._custom

    def names(self, entry: Fields) -> set[str]:
        """Return the names for the model of a tool that a choice names."""
        kind, name, namespace = entry.text("type"), entry.text("name"), entry.text("namespace")
        if kind == "namespace":
            return {flat for flat, (space, _) in self._namespaces.items() if space == name}
        return {flat for flat, events in self._namespaces.items() if events == (namespace or events[0], name)} | {
            self.flat_name(namespace, name)
        }

    def call_item(self, identity: str, call: ToolCall, status: str) -> JsonObject:
        """Return a call of the model as the caller knows the tool."""
        namespace, name = self._namespaces.get(call.name, (None, call.name))
        item: JsonObject = {"id": identity, "call_id": call.id, "name": name, "namespace": namespace}
        item |= {"status": status, "async": None, "caller": None}
        if self.is_custom(call.name):
            done = status == "completed"
            return {**item, "type": "custom_tool_call", "input": text_of(call.arguments_json) if done else ""}
        return {**item, "type": "function_call", "arguments": call.arguments_json}


def text_of(arguments: str) -> str:
    """Return the text that a custom tool is called with; a model that wrote no JSON wrote the text itself."""
    try:
        given: object = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    if isinstance(given, Mapping) and isinstance(text := given.get(_INPUT), str):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return text
    return arguments


def arguments_of(text: str) -> str:
    """Return the arguments that a custom tool's call has for the model."""
    return orjson.dumps({_INPUT: text}).decode()


def _parameters(fields: Fields) -> str:
    parameters = fields.inner("parameters").rest()
    return compact(parameters, fields.at("parameters")) if parameters else ""


def _described(fields: Fields) -> str:
    """The description of a custom tool, with the grammar of its text in words."""
    description, form = fields.text("description"), fields.inner("format")
    if form.text("type") != "grammar":
        return description
    grammar = f"The input is text of this {form.text('syntax', 'lark')} grammar:\n{form.text('definition')}"
    return "\n\n".join(filter(None, (description, grammar)))


def _name(fields: Fields) -> str:
    name = fields.text("name")
    if not name:
        reject_field(fields.at("name"), "is required")
    return name
