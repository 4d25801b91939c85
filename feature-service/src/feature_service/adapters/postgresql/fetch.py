"""Fetches rows by COPY BINARY: a few bytes objects instead of a Python object for each cell."""

from typing import TYPE_CHECKING

from feature_service.adapters.postgresql.selection import Selection
from feature_service.adapters.postgresql.statement import Values
from feature_service.adapters.postgresql.transaction import run_copy

if TYPE_CHECKING:
    from feature_service.adapters.postgresql.pool import Connection
    from feature_service.domain.model.frame import Frame


async def fetch_frame(connection: "Connection", text: str, values: Values, selection: Selection) -> "Frame":
    """Return the rows that the SELECT `text` gives."""
    from feature_service.adapters.postgresql.copy_decoding import decode_rows

    pieces: list[bytes] = []

    async def take(piece: bytes) -> None:
        pieces.append(piece)

    await run_copy(connection, connection.copy_from_query(text, *values.listed, output=take, format="binary"))
    return decode_rows(b"".join(pieces), selection)
