"""Tool calls of an answer in OpenAI's dialect, told apart whatever ids and indices a vendor gives them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from llm_service.domain.model.event import ToolCallDelta
from penstock_kit.half_character import encode_json

Json = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class _Call:
    """A call that began: its place in the answer, the vendor's index and id, its name, its arguments so far.

    The arguments are kept only of calls without an id, and until the name is known.
    """

    at: int
    index: int | None
    id: str
    name: str
    arguments: list[str] = field(default_factory=list[str])


class CallReader:
    """Turns pieces of calls into deltas: id and name once, with a call's first piece, whatever the vendor repeats.

    OpenAI numbers calls by index. Ollama gives all of them index 0 and each its id; others send no index, or no id,
    or a new id with every piece. So a new id with a name is a new call; without ids a name that comes when the call
    before it is complete is one. Some send arguments before the name: they wait for it. A call without an id, or with
    another call's, gets one from `new_id`; `names` are what shortened names stand for.
    """

    def __init__(self, new_id: Callable[[str], str], names: Mapping[str, str]) -> None:
        self._new_id = new_id
        self._names = names
        self._calls: defaultdict[int, list[_Call]] = defaultdict(list)

    def any_of(self, choice: int) -> bool:
        """Whether choice `choice` calls something."""
        return choice in self._calls

    def events(self, pieces: Sequence[Json], choice: int, *, whole: bool) -> Iterator[ToolCallDelta]:
        """Yield the deltas of `pieces`; in a `whole` answer each of them is a call of its own."""
        for piece in pieces:
            function: Json = piece.get("function") or {}
            arguments = _arguments(function.get("arguments"))
            call = None if whole else self._found(self._calls[choice], piece, function)
            begins = call is None
            if call is None:
                call = self._begun(choice, piece, function)
            elif not call.name:
                begins = self._learn_name(call, piece, function, self._calls[choice])
                arguments = "".join((*call.arguments, arguments)) if begins else arguments
            if not call.name and not whole:
                call.arguments.append(arguments)  # told once it is known whose they are
                continue
            if begins:
                yield ToolCallDelta(
                    index=choice,
                    call_index=call.at,
                    id=call.id or self._new_id("call"),
                    name=self._names.get(call.name, call.name),
                    arguments=arguments,
                )
                call.arguments.clear()
            elif arguments:
                yield ToolCallDelta(index=choice, call_index=call.at, arguments=arguments)
            if not call.id:
                call.arguments.append(arguments)

    def _begun(self, choice: int, piece: Json, function: Json) -> _Call:
        calls = self._calls[choice]
        identity = str(piece.get("id") or "")
        call = _Call(
            at=len(calls),
            index=piece.get("index"),
            id="" if any(other.id == identity for other in calls) else identity,
            name=str(function.get("name") or ""),
        )
        calls.append(call)
        return call

    @staticmethod
    def _learn_name(call: _Call, piece: Json, function: Json, calls: list[_Call]) -> bool:
        """Take the name, and the id, of one of `calls` that began without; return whether the name came."""
        call.name = str(function.get("name") or "")
        identity = str(piece.get("id") or "")
        if not call.id and all(other.id != identity for other in calls):
            call.id = identity
        return bool(call.name)

    def _found(self, calls: list[_Call], piece: Json, function: Json) -> _Call | None:
        """The call that `piece` is more of, None when it begins one."""
        index, identity = piece.get("index"), piece.get("id")
        same = [call for call in reversed(calls) if index is None or call.index is None or call.index == index]
        last = same[0] if same else None
        if last is None or not function.get("name"):
            return last
        if not last.name and identity in {None, "", last.id or identity}:
            return last  # what began without a name gets it now
        if identity:
            return next((call for call in same if call.id == identity), None)
        if last.id:
            return last
        return None if _is_complete(last.arguments) else last


def _is_complete(arguments: list[str]) -> bool:
    try:
        orjson.loads("".join(arguments))
    except orjson.JSONDecodeError:
        return False
    return True


def _arguments(arguments: object) -> str:
    """JSON text in pieces; a vendor that sends an object sends it whole."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return encode_json(arguments)
