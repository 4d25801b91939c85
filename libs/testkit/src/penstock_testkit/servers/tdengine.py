"""A TDengine 3 as its REST API shows it (taosAdapter, ``POST /rest/sql/{database}``), in memory.

It keeps to the documented answers: HTTP 200 with a `code` other than 0 for a refused statement, 401 for a wrong
password, `column_meta` with names, types and lengths, BIGINT as numbers, DECIMAL as text, and times as text in the zone
of the server with as few digits as they need.
"""

import json
import math
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Self

from aiohttp import web

from penstock_testkit.servers.tdengine_database import Database
from penstock_testkit.servers.tdengine_statement import Statement
from penstock_testkit.servers.tdengine_token import SqlError

_ZONE: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_WHOLE: Final = 1e21
_MINUS_ZERO: Final = "\0-0"
"""Stands for -0 until the answer is written: no text has a NUL."""


class TDengineServer:
    """A server; `most_rows` is what an answer has at most (restfulRowLimit), `refuse` what is said of statements.

    `statements` are those that were sent. `refuse` maps how a statement begins to the code it is refused with.
    """

    def __init__(self, *, password: str = "taosdata", version: str = "3.3.6.0", most_rows: int | None = None) -> None:
        self._password = password
        self._version = version
        self._runner: web.AppRunner | None = None
        self.most_rows = most_rows
        self.databases: dict[str, Database] = {}
        self.statements: list[str] = []
        self.refuse: dict[str, int] = {}
        self.forget_rows = 0
        self.port = 0

    def url(self, database: str = "penstock") -> str:
        """Return what TELEMETRY_URL says for a database of this server."""
        return f"taosrest://root:{self._password}@127.0.0.1:{self.port}/{database}"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=16 * 1024 * 1024)
        application.router.add_post("/rest/sql", self._answer)
        application.router.add_post("/rest/sql/{database}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        expected = b64encode(f"root:{self._password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _json({"code": 0x0357, "desc": "Authentication failure"}, status=401)
        text = (await request.read()).decode()
        self.statements.append(text)
        try:
            for start, code in self.refuse.items():
                if text.startswith(start):
                    raise SqlError(code, f"refused near '{text[:80]}'")
            columns, rows = Statement(text, self.databases, request.match_info.get("database", ""), self._version).run()
        except SqlError as error:
            return _json({"code": error.code, "desc": error.text})
        rows = rows[: self.most_rows]
        if columns[0][0] == "affected_rows" and text.startswith("INSERT"):
            rows = [[max(0, rows[0][0] - self.forget_rows)]]
        kinds = [kind for _, kind, _ in columns]
        data = [[_shown(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows]
        return _json({"code": 0, "column_meta": columns, "data": data, "rows": len(data)})


def _shown(value: Any, kind: str) -> Any:
    if value is None:
        return None
    match kind:
        case "TIMESTAMP":
            moment = (_EPOCH + timedelta(microseconds=value)).astimezone(_ZONE)
            digits = f"{moment.microsecond:06d}".rstrip("0")
            return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{digits}+08:00"
        case "DECIMAL":
            return str(value)
        case "DOUBLE":
            return _double(float(value))
        case _:
            return value


def _double(value: float) -> Any:
    """Return what Go writes: a whole number without a fraction, -0.0 too."""
    if not value:
        return _MINUS_ZERO if math.copysign(1, value) < 0 else 0
    return int(value) if value.is_integer() and abs(value) < _MOST_WHOLE else value


def _json(body: dict[str, Any], *, status: int = 200) -> web.Response:
    text = json.dumps(body).replace(json.dumps(_MINUS_ZERO), "-0")
    return web.Response(status=status, text=text, content_type="application/json")
