"""Statements over TDengine's REST API, which answers failures under HTTP 200 too."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from feature_service.adapters.tdengine.address import TDengineAddress
from feature_service.adapters.tdengine.failure import (
    NO_TABLE,
    OUT_OF_KEEP,
    TDengineError,
    of_code,
    of_status,
    took_too_long,
    unavailable,
)
from penstock_kit.context import current_context
from penstock_kit.telemetry import tracer
from penstock_kit.tenant_turns import TenantTurns

if TYPE_CHECKING:
    from aiohttp import ClientSession

CONNECTIONS: Final = 8
_CONNECT_SECONDS: Final = 3.0
_CODE_BITS: Final = 0xFFFF
_OK: Final = 200
_REFUSED: Final = (400, 500)
_MINUS_ZERO: Final = re.compile(rb"[\[,]\s*-0\s*[,\]]")
_EXPECTED: Final = NO_TABLE | {OUT_OF_KEEP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a statement gave: rows of values in the order of the columns."""

    rows: Sequence[Sequence[Any]]

    @property
    def affected(self) -> int:
        """How many rows a statement wrote that gives none."""
        return int(self.rows[0][0]) if self.rows else 0


class TDengineClient:
    """Sends statements to the TDengine at `address`; aiohttp is imported at the first one.

    A statement may take `query_seconds`. Tenants take turns. A statement whose connection broke is sent once more:
    all that Penstock sends may be repeated.
    """

    def __init__(self, address: TDengineAddress, *, query_seconds: float) -> None:
        self._address = address
        self._query_seconds = query_seconds
        self._turns = TenantTurns(CONNECTIONS, share=CONNECTIONS - 2)
        self._session: ClientSession | None = None
        self._is_closed = False

    async def ask(self, statement: str, *, in_database: bool = True) -> Result:
        """Return what the statement gives.

        Raises TDengineError for a table that is not there and for a time out of what is kept, Unavailable
        TELEMETRY_UNAVAILABLE for every other failure, ResourceExhausted TELEMETRY_TIME_LIMIT_EXCEEDED when it takes
        too long.
        """
        url = self._address.sql_url if in_database else self._address.server_url
        with tracer(__name__).start_as_current_span("telemetry", attributes={"db.system.name": "tdengine"}):
            async with self._turn():
                return await self._ask(url, statement)

    async def ping(self) -> None:
        """Return when the server answers, without waiting long for it."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._ask(self._address.server_url, "SELECT SERVER_VERSION()")
        except TimeoutError:
            raise unavailable("it does not answer in time") from None

    async def close(self) -> None:
        """Close all connections, in the middle of what they do."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    async def _ask(self, url: str, statement: str) -> Result:
        from aiohttp import ClientError, ServerDisconnectedError

        try:
            try:
                return await self._send(url, statement)
            except (ServerDisconnectedError, ConnectionResetError):
                return await self._send(url, statement)
        except TimeoutError as error:
            if type(error).__name__ == "ConnectionTimeoutError":
                raise unavailable("no connection in time") from error
            raise took_too_long(self._query_seconds) from error
        except (ClientError, OSError) as error:
            raise unavailable(f"no connection ({type(error).__name__})") from error

    async def _send(self, url: str, statement: str) -> Result:
        session = self._open()
        async with session.post(url, data=statement.encode(), allow_redirects=False) as answer:
            body = await answer.read()
            # With httpCodeServerError a refusal has a status of its own, and the same body.
            if answer.status != _OK and not (answer.status in _REFUSED and body.startswith(b"{")):
                raise of_status(answer.status)
        return _result(body)

    def _open(self) -> "ClientSession":
        if self._is_closed:
            raise unavailable("it is closed")
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector

            self._session = ClientSession(
                connector=TCPConnector(limit=CONNECTIONS),
                headers={"Authorization": self._address.authorization, "Content-Type": "text/plain; charset=utf-8"},
                timeout=ClientTimeout(total=self._query_seconds, sock_connect=_CONNECT_SECONDS),
                # Statements and the password go to nobody but the server that was named.
                trust_env=False,
            )
        return self._session

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        tenant_id = current_context().caller.tenant_id
        await self._turns.acquire(tenant_id)
        try:
            yield
        finally:
            self._turns.release(tenant_id)


def _result(body: bytes) -> Result:
    try:
        found = _parsed(body)
        code = int(found["code"]) & _CODE_BITS
        if code:
            failure = TDengineError(code, str(found.get("desc", "")))
            if code in _EXPECTED:
                raise failure
            raise of_code(code) from failure
        return Result(rows=found["data"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unavailable("what it answers is no answer of TDengine 3") from error


def _parsed(body: bytes) -> Any:
    """Return the answer; a number that is written -0 is the double -0.0, not the integer 0."""
    if _MINUS_ZERO.search(body) is None:
        return orjson.loads(body)
    return json.loads(body, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))
