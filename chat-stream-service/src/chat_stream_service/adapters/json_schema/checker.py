"""Tool arguments checked by the jsonschema library, imported at the first call of a tool, within steps and time."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from chat_stream_service.adapters.json_schema import library
from chat_stream_service.adapters.json_schema.fitness import has_named_patterns, modern
from chat_stream_service.adapters.json_schema.keyword import bounded_keywords
from chat_stream_service.adapters.json_schema.meter import Meter, TooCostly, current_meter

_MAX_PROBLEMS: Final = 5
_MAX_MESSAGE: Final = 300
# Problems looked for before the first few are told by their path.
_MAX_FOUND: Final = 50
_MAX_SCHEMAS: Final = 2000
# Steps and seconds of a check on the event loop, which is every usual one; what takes more goes on in a thread.
_SMALL: Final = (1_000, 0.01)
_LARGE: Final = (200_000, 1.0)
_MAX_THREADS: Final = 2
_TOO_COSTLY: Final = "they take too long to check against the tool's schema; give fewer or shorter values"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A schema, held so that its id stays its own, and the validator of it."""

    schema: Mapping[str, Any]
    validator: Any
    patterned: bool


class JsonSchemaChecker:
    """Checks against JSON Schema 2020-12, keeping one validator per schema; see ArgumentChecker.

    Patterns are matched by RE2 in linear time; every other step is counted. A check that goes beyond what the event
    loop can spare is repeated in a thread, and given up there after a second.
    """

    def __init__(self) -> None:
        self._prepared: OrderedDict[int, _Prepared] = OrderedDict()
        self._threads = asyncio.Semaphore(_MAX_THREADS)
        self._loading = asyncio.Lock()

    async def problems(self, schema: Mapping[str, Any], arguments: Any) -> Sequence[str]:
        """Return what is wrong, the first few problems by their path; empty when the arguments fit."""
        await self._load_library()
        prepared = self._prepare(schema)
        with suppress(TooCostly):
            return _problems(prepared, arguments, _SMALL)
        async with self._threads:
            try:
                return await asyncio.to_thread(_problems, prepared, arguments, _LARGE)
            except TooCostly:
                return [_TOO_COSTLY]

    async def _load_library(self) -> None:
        if not library.is_loaded():
            async with self._loading:
                await asyncio.to_thread(library.load)

    def _prepare(self, schema: Mapping[str, Any]) -> _Prepared:
        key = id(schema)
        if key not in self._prepared:
            validator = _bounded_validator(schema)
            self._prepared[key] = _Prepared(schema=schema, validator=validator, patterned=has_named_patterns(schema))
            if len(self._prepared) > _MAX_SCHEMAS:
                self._prepared.popitem(last=False)
        self._prepared.move_to_end(key)
        return self._prepared[key]


def _bounded_validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator, validators
    from referencing import Registry

    library: Any = validators
    bounded = library.extend(Draft202012Validator, bounded_keywords(dict(Draft202012Validator.VALIDATORS)))
    # An empty registry: a schema of a foreign server must not make us fetch what it refers to.
    registry: Registry[Any] = Registry()
    return bounded(modern(schema), registry=registry)


def _problems(prepared: _Prepared, arguments: Any, bounds: tuple[int, float]) -> Sequence[str]:
    """Return the problems; TooCostly when they can't be told within `bounds`, steps and seconds."""
    from referencing.exceptions import Unresolvable

    token = current_meter.set(Meter(*bounds, patterned=prepared.patterned))
    try:
        found: list[Any] = list(islice(prepared.validator.iter_errors(arguments), _MAX_FOUND))
    except Unresolvable as error:
        return [f"the tool's own schema can't be read: {error}"]
    except RecursionError:
        raise TooCostly from None
    finally:
        current_meter.reset(token)
    errors = sorted(found, key=lambda error: list(map(str, error.path)))
    return [f"{error.json_path}: {_short(error.message)}" for error in errors[:_MAX_PROBLEMS]]


def _short(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…"
