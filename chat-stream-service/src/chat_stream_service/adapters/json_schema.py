"""Tool arguments checked by the jsonschema library, imported at the first call of a tool."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

_MAX_PROBLEMS: Final = 5


class JsonSchemaChecker:
    """Checks against JSON Schema 2020-12, keeping one validator per schema."""

    def __init__(self) -> None:
        self._validators: dict[str, Any] = {}

    def problems(self, schema: Mapping[str, Any], arguments: Any) -> Sequence[str]:
        """Return what is wrong, the first few problems by their path; empty when the arguments fit."""
        from referencing.exceptions import Unresolvable

        try:
            found = list(self._validator(schema).iter_errors(arguments))
        except Unresolvable as error:
            return [f"the tool's own schema can't be read: {error}"]
        errors = sorted(found, key=lambda error: list(map(str, error.path)))
        return [f"{error.json_path}: {error.message}" for error in errors[:_MAX_PROBLEMS]]

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            from jsonschema import Draft202012Validator
            from referencing import Registry

            # An empty registry: a schema of a foreign server must not make us fetch what it refers to.
            registry: Registry[Any] = Registry()
            self._validators[key] = Draft202012Validator(dict(schema), registry=registry)
        return self._validators[key]
