"""A tape: HTTP answers of a vendor in a file of JSON lines, found again by the request they answered.

A line: {"path", "match", "model", "status", "headers", "chunks": [text or {"base64"}], "fault": {…}}. `match` is a
digest of the request's body, or "*" for any request to that path, so that lines can be written by hand. No
request header is kept, of the answer's only those in KEPT, and known secrets are blanked out everywhere.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

ANY: Final = "*"
KEPT: Final = frozenset({"content-type", "retry-after", "retry-after-ms", "anthropic-version"})
_BLANK: Final = b"***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong when a take is played.

    `delay` seconds pass first; `status` and `retry_after` (seconds) replace the answer, as do `garbage` and `html`;
    after `cut_after` chunks the connection is torn down, after `hang_after` nothing more comes.
    """

    delay: float = 0.0
    status: int = 0
    retry_after: str = ""
    garbage: bool = False
    html: bool = False
    cut_after: int | None = None
    hang_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One request and its answer: the chunks as they were read."""

    path: str
    match: str
    chunks: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    model: str = ""
    fault: Fault = Fault()


class Tape:
    """The takes in `file`. `secrets` never get into it."""

    def __init__(self, file: Path, secrets: Iterable[str] = ()) -> None:
        self._file = file
        self._secrets = [secret.encode() for secret in secrets if secret]
        self._takes: dict[tuple[str, str], list[Take]] = defaultdict(list)
        self._played: dict[tuple[str, str], int] = defaultdict(int)

    def load(self) -> None:
        """Read the file. Raises ValueError naming the line that is wrong, OSError when there is no file."""
        self._takes.clear()
        for number, line in enumerate(self._file.read_bytes().splitlines(), 1):
            if line.strip():
                take = _take(line, f"{self._file}:{number}")
                self._takes[take.path, take.match].append(take)

    def next(self, path: str, body: bytes) -> Take | None:
        """Return the answer to this request: the next of those recorded for it, the last one for ever after."""
        for place in ((path, digest(body)), (path, ANY)):
            if takes := self._takes.get(place):
                at = min(self._played[place], len(takes) - 1)
                self._played[place] += 1
                return takes[at]
        return None

    def record(self, take: Take) -> None:
        """Append `take` without the secrets."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        row = {
            "path": take.path,
            "match": take.match,
            "model": take.model,
            "status": take.status,
            "headers": {name: value for name, value in take.headers.items() if name in KEPT},
            "chunks": [_written(chunk) for chunk in self._blanked(take.chunks)],
        }
        with self._file.open("ab") as file:
            file.write(orjson.dumps(row) + b"\n")

    def _blanked(self, chunks: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Blank out secrets; where one lies across two chunks, the chunks become one."""
        whole = b"".join(chunks)
        found = [secret for secret in self._secrets if secret in whole]
        if any(secret not in b"\0".join(chunks) for secret in found):
            chunks = (whole,)
        for secret in found:
            chunks = tuple(chunk.replace(secret, _BLANK) for chunk in chunks)
        return chunks


def digest(body: bytes) -> str:
    """Return what requests with the same content have in common, whatever the order of their fields."""
    with suppress(orjson.JSONDecodeError):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()[:32]


def _written(chunk: bytes) -> str | dict[str, str]:
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(chunk).decode()}


def _take(line: bytes, where: str) -> Take:
    try:
        row: dict[str, Any] = orjson.loads(line)
        return Take(
            path=str(row["path"]),
            match=str(row.get("match", ANY)),
            model=str(row.get("model", "")),
            status=int(row.get("status", 200)),
            headers={str(name).lower(): str(value) for name, value in row.get("headers", {}).items()},
            chunks=tuple(_read(chunk) for chunk in row.get("chunks", ())),
            fault=Fault(**row.get("fault", {})),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{where} is no take of a cassette: {error!r}") from error


def _read(chunk: str | Mapping[str, str]) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else base64.b64decode(chunk["base64"])
