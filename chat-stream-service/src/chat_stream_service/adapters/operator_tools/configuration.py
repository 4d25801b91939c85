"""The tools file, read and checked at start: everything wrong in it is named by its place, none of it is used."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from chat_stream_service.adapters.operator_tools.entry import HttpEntry, McpEntry, ToolsFile
from penstock_kit.errors import PenstockError
from penstock_kit.outbound.destinations import Destinations, is_address
from penstock_kit.yaml_document import Place, Problem, YamlDocument, read_yaml_document, validation_problems

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Where variables of the environment are filled in.
_SECRET_PLACES: Final = frozenset({"headers", "environment"})
TOOLS_FILE: Final = "CHAT_TOOLS_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsConfiguration:
    """The tools of a file. `secrets` are the values that came from the environment, to be masked in logs."""

    http: tuple[HttpEntry, ...] = ()
    mcp: tuple[McpEntry, ...] = ()
    destinations: Destinations = field(default_factory=Destinations)
    secrets: frozenset[str] = frozenset()


def read_tools(path: str, environment: Mapping[str, str]) -> ToolsConfiguration:
    """Return the tools of the file at `path`, none for an empty path.

    Raises FailedPrecondition (CONFIGURATION_INVALID) that names the file and, with line and column, everything
    wrong in it.
    """
    if not path:
        return ToolsConfiguration()
    document = read_yaml_document(path, setting=TOOLS_FILE)
    filling = _Filling(environment)
    value = filling.filled(document.value, ())
    if filling.problems:
        raise document.error(filling.problems)
    try:
        file = ToolsFile.model_validate(value)
    except ValidationError as error:
        raise document.error(validation_problems(error)) from None
    return _configuration(document, file, frozenset(filling.used))


def _configuration(document: YamlDocument, file: ToolsFile, secrets: frozenset[str]) -> ToolsConfiguration:
    destinations = Destinations(hosts=tuple(file.allowed_hosts), networks=tuple(file.allowed_networks))
    problems = [*_twice(file), *_unreachable(file, destinations)]
    if problems:
        raise document.error(problems)
    return ToolsConfiguration(
        http=tuple(file.http), mcp=tuple(file.mcp), destinations=destinations, secrets=secrets - {""}
    )


class _Filling:
    """Puts variables of the environment into headers and environments of a file."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.used: set[str] = set()
        self.problems: list[Problem] = []

    def filled(self, value: Any, place: Place) -> Any:
        """Return `value` with its variables filled in where that is allowed."""
        if isinstance(value, Mapping):
            return {key: self.filled(item, (*place, key)) for key, item in value.items()}  # pyright: ignore
        if isinstance(value, list):
            return [self.filled(item, (*place, index)) for index, item in enumerate(value)]  # pyright: ignore
        if isinstance(value, str) and _SECRET_PLACES.intersection(place):
            return _VARIABLE.sub(lambda found: self._value(found[1], place), value)
        return value

    def _value(self, name: str, place: Place) -> str:
        if not self._environment.get(name):
            self.problems.append((place, f"needs the environment variable {name}, which is not set"))
            return ""
        self.used.add(self._environment[name])
        return self._environment[name]


def _twice(file: ToolsFile) -> Iterator[Problem]:
    """Yield names that an entry before has: also one of the other kind, for either may stand before a tool's name."""
    seen: set[str] = set()
    for kind, entries in (("http", file.http), ("mcp", file.mcp)):
        for index, entry in enumerate(entries):
            if entry.name in seen:
                yield (kind, index, "name"), f"is {entry.name!r}, which an entry before it has"
            seen.add(entry.name)


def _unreachable(file: ToolsFile, destinations: Destinations) -> Iterator[Problem]:
    for kind, entries in (("http", file.http), ("mcp", file.mcp)):
        for index, url in _urls(entries):
            problem = _refused(url, destinations)
            if problem:
                yield (kind, index, "url"), problem


def _urls(entries: Iterable[HttpEntry | McpEntry]) -> Iterator[tuple[int, str]]:
    return ((index, entry.url) for index, entry in enumerate(entries) if entry.url)


def _refused(url: str, destinations: Destinations) -> str:
    host = urlsplit(url).hostname or ""
    try:
        destinations.check_host(host)
        if is_address(host):
            destinations.checked(host, [host])
    except PenstockError as error:
        return error.message
    return ""
