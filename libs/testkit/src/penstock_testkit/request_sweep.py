"""Sends a service what its requests can hold at their edges, and tells where it fails or says nothing of use."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from penstock_kit.errors import ErrorKind, PenstockError
from penstock_testkit.field_edges import FieldEdge, field_edges
from penstock_testkit.waiting import HANG_SECONDS

# What a caller is told of a request that is wrong, or of something that is not there.
_REFUSALS: Final = frozenset(
    {
        ErrorKind.INVALID_ARGUMENT,
        ErrorKind.NOT_FOUND,
        ErrorKind.ALREADY_EXISTS,
        ErrorKind.FAILED_PRECONDITION,
        ErrorKind.PAYLOAD_TOO_LARGE,
        ErrorKind.UNPROCESSABLE,
    }
)
_SETTLED: Final = frozenset({ErrorKind.NOT_FOUND, ErrorKind.ALREADY_EXISTS})
# No field has these but by a reason: they are no value of its type, or lead out of the calendar.
_WRONG: Final = {
    FieldDescriptor.TYPE_ENUM: {"-1", "99", f"{2**31 - 1}", f"{-(2**31)}"},
    FieldDescriptor.TYPE_DOUBLE: {"NaN", "infinity", "minus infinity", "[NaN]", "[infinity]", "[minus infinity]"},
    FieldDescriptor.TYPE_FLOAT: {"NaN", "infinity", "minus infinity", "[NaN]", "[infinity]", "[minus infinity]"},
    FieldDescriptor.TYPE_MESSAGE: {"after 9999", "before the year 1", "the begin of int64", "the end of int64"},
}
_TIMES: Final = ("google.protobuf.Timestamp", "google.protobuf.Duration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A bound of one field: `right` is its last right value, `wrong` the first wrong one, refused by the field's name.

    `path` is the field's place in the request of `method`, such as ``entry.key``.
    """

    method: str
    path: str
    right: Any
    wrong: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def bounds(method: str, /, **values: tuple[Any, Any]) -> list[Bound]:
    """Return bounds of one method by their paths, whose dots are written as two underscores."""
    return [
        Bound(method=method, path=path.replace("__", "."), right=right, wrong=wrong)
        for path, (right, wrong) in values.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSweep:
    """A service, a right request for each of its methods, and what is known of its fields.

    `free` has the fields without a bound, as ``Message.field``, each with the reason. `said` has the words by which a
    refusal names a field, where they are not the field's own. Methods of `endless` are read up to their first message;
    those of `absent` name what is not there, or is there already, and are refused by that. Where a method takes many
    requests, `body` are those behind the first. The messages in the requests of `brief` are swept in those of others.
    """

    service: ServiceDescriptor
    stub: Any
    rights: Mapping[str, Any]
    free: Mapping[str, str] = field(default_factory=dict[str, str])
    said: Mapping[str, str] = field(default_factory=dict[str, str])
    endless: Sequence[str] = ()
    absent: Sequence[str] = ()
    body: Sequence[Any] = ()
    brief: Sequence[str] = ()

    async def faults(self) -> list[str]:
        """Return what is wrong with how the service takes the edges of its fields, a line each."""
        return [fault for method in self._methods() for fault in await self._of_method(method)]

    async def bound_faults(self, bounds: Sequence[Bound]) -> list[str]:
        """Return the bounds that do not hold, a line each."""
        found: list[str] = []
        for bound in bounds:
            method = self.service.methods_by_name[bound.method]
            error = await self._outcome(method, self._with(bound, bound.right))
            if not self._is_right(method, error):
                found.append(f"{bound}: the last right value is refused: {error}")
            error = await self._outcome(method, self._with(bound, bound.wrong))
            if error is None or error.kind not in _REFUSALS - {ErrorKind.NOT_FOUND}:
                found.append(f"{bound}: the first wrong value is not refused: {error!r}")
            elif not self._names(error, bound.path):
                found.append(f"{bound}: the refusal does not name the field: {error}")
        return found

    def unknown_fields(self, bounds: Sequence[Bound]) -> list[str]:
        """Return the fields that have neither a bound nor a reason, and the reasons that no field has."""
        held = {self._owner(bound) for bound in bounds}
        fields = {name: each for method in self._methods() for name, each in _fields(method.input_type, ())}
        open_fields = {name for name, each in fields.items() if not _by_type(each)} - held - set(self.free)
        return sorted(open_fields | set(self.free) - set(fields) | held & set(self.free))

    def missing_methods(self) -> list[str]:
        """Return the methods whose request has fields, and of which no right request is known."""
        return [each.name for each in self.service.methods if each.input_type.fields and each.name not in self.rights]

    def _methods(self) -> Iterator[MethodDescriptor]:
        return (method for method in self.service.methods if method.name in self.rights)

    async def _of_method(self, method: MethodDescriptor) -> list[str]:
        found = await self._life(method, "before")
        for edge in field_edges(self.rights[method.name]):
            if "." in edge.path and method.name in self.brief:
                continue
            error = await self._outcome(method, edge.request)
            if fault := self._fault(edge, error):
                found.append(f"{method.name} {edge}: {fault}"[:400])
        return found + await self._life(method, "after")

    async def _life(self, method: MethodDescriptor, when: str) -> list[str]:
        error = await self._outcome(method, self.rights[method.name])
        if self._is_right(method, error):
            return []
        return [f"{method.name}: a right request is answered by {error!r} {when} the edges"]

    def _is_right(self, method: MethodDescriptor, error: PenstockError | None) -> bool:
        """Whether it is the answer to a right request."""
        return error is None or (method.name in self.absent and error.kind in _SETTLED)

    def _fault(self, edge: FieldEdge, error: PenstockError | None) -> str:
        if error is None:
            return "it is taken" if self._is_wrong(edge) else ""
        if error.kind not in _REFUSALS:
            return repr(error)
        if error.kind is ErrorKind.INVALID_ARGUMENT and not self._names(error, edge.path):
            return f"the refusal does not name the field: {error}"
        return ""

    def _is_wrong(self, edge: FieldEdge) -> bool:
        """Whether no field may have the value, whatever the field is."""
        wrong = edge.value in _WRONG.get(edge.field.type, ())
        return wrong and f"{edge.owner}.{edge.field.name}" not in self.free

    def _names(self, error: PenstockError, path: str) -> bool:
        words = [word for name in path.split(".") for word in (name, self.said.get(name, name))]
        text = error.message.lower()
        return any(word.removesuffix("s") in text or word.removesuffix("s").replace("_", " ") in text for word in words)

    async def _outcome(self, method: MethodDescriptor, request: Any) -> PenstockError | None:
        """Return how the service refuses a request, None when it answers."""
        try:
            async with asyncio.timeout(HANG_SECONDS):
                await self._call(method, request)
        except PenstockError as error:
            return error
        return None

    async def _call(self, method: MethodDescriptor, request: Any) -> None:
        call = getattr(self.stub, method.name)
        # A body of another method's messages is that of this one, whose messages have the same fields.
        asked = _each([request, *(_as(request, each) for each in self.body)]) if method.client_streaming else request
        if not method.server_streaming:
            await call(asked)
            return
        async with call(asked) as responses:
            async for _ in responses:
                if method.name in self.endless:
                    break

    def _with(self, bound: Bound, value: Any) -> Any:
        request = type(self.rights[bound.method])()
        request.CopyFrom(self.rights[bound.method])
        *above, name = bound.path.split(".")
        holder = request
        for each in above:
            holder = getattr(holder, each)
            holder = (holder[0] if holder else holder.add()) if hasattr(holder, "add") else holder
        _put(holder, name, value)
        return request

    def _owner(self, bound: Bound) -> str:
        message: Any = self.service.methods_by_name[bound.method].input_type
        *above, name = bound.path.split(".")
        for each in above:
            message = message.fields_by_name[each].message_type
        assert name in message.fields_by_name, f"{bound} is no field of {message.name}"
        return f"{message.name}.{name}"


def _put(holder: Any, name: str, value: Any) -> None:
    holder.ClearField(name)
    match value:
        case dict():
            getattr(holder, name).update(value)
        case list():
            getattr(holder, name).extend(value)
        case int() | float() | str() | bytes():
            setattr(holder, name, value)
        case _:
            getattr(holder, name).CopyFrom(value)


def _as(sample: Any, message: Any) -> Any:
    """Return a message of the type of `sample` with the fields of another, which have the same numbers."""
    copied = type(sample)()
    copied.ParseFromString(message.SerializeToString())
    return copied


async def _each(requests: Sequence[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


def _fields(message: Descriptor, above: tuple[str, ...]) -> Iterator[tuple[str, FieldDescriptor]]:
    """Yield each field of a message and of those in it, as ``Message.field``."""
    for each in message.fields:
        yield f"{message.name}.{each.name}", each
        inner = each.message_type
        if inner is None or inner.GetOptions().map_entry or inner.full_name in (*_TIMES, *above):
            continue
        yield from _fields(inner, (*above, message.full_name))


def _by_type(each: FieldDescriptor) -> bool:
    """Whether the type alone says which values are wrong, so that the edges are enough."""
    inner = each.message_type
    if inner is not None:
        return not each.is_repeated and not inner.GetOptions().map_entry
    return each.type in {FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_BOOL} and not each.is_repeated
