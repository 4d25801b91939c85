"""Turns remembered in SQLite (FTS5) or PostgreSQL (tsvector), found by full text."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from chat_stream_service.adapters.record import from_micros, to_micros
from chat_stream_service.adapters.table import memories
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Note, RememberedTurn, note_of
from chat_stream_service.domain.model.search_term import closeness, combinations_that_fit, owner_term, search_terms
from penstock_kit.database import Database, WriteStep
from penstock_kit.errors import PenstockError

_KEPT_TERMS: Final = 400
_ASKED_TERMS: Final = 12
_CANDIDATES: Final = 60
_NOTES: Final = 5
_KEPT_CHARACTERS: Final = 20_000

_FOUND_SQLITE: Final = text(
    "SELECT m.question, substr(m.answer, 1, 2000) AS answer, m.terms, m.create_time"
    " FROM memory_index i JOIN memories m ON m.number = i.rowid"
    " WHERE memory_index MATCH :wanted AND m.tenant_id = :tenant AND m.user_id = :user"
    " ORDER BY i.rowid DESC LIMIT :most"
)
_FOUND_POSTGRESQL: Final = text(
    "SELECT m.question, substr(m.answer, 1, 2000) AS answer, m.terms, m.create_time"
    " FROM memories m, to_tsquery('simple', :wanted) AS wanted"
    " WHERE to_tsvector('simple', m.terms) @@ wanted AND m.tenant_id = :tenant AND m.user_id = :user"
    " ORDER BY m.number DESC LIMIT :most"
)
# Made once: making a statement anew costs about as much as what it does.
_KEEP: Final = insert(memories)
# The column of what was found that holds the terms.
_TERMS: Final = 2


class SqlMemory:
    """The memory of the own engine; see Memory. A conversation's turns go with the conversation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return the turns that are about what the question asks, best first."""
        terms = search_terms(question, most=_ASKED_TERMS)
        if not terms:
            return ()
        query, wanted = self._query(owner, terms)
        parameters = {
            "wanted": wanted,
            "tenant": owner.tenant_id,
            "user": owner.user_id,
            "most": _CANDIDATES if len(terms) > 1 else _NOTES,
        }
        rows = await self._database.rows(query, parameters)
        # The newest of those that fit; among them the closest come first, of equals the newest.
        close = closeness(terms)
        best = sorted(rows, key=lambda row: -close(row[_TERMS])) if len(terms) > 1 else rows
        return [note_of(from_micros(time), question, answer) for question, answer, _, time in best[:_NOTES]]

    async def keep(self, turn: RememberedTurn) -> None:
        """Store a turn; nothing when it is stored already or its conversation is gone."""
        try:
            await self._database.execute_all([WriteStep(statement=_KEEP, rows=[_row(turn)])])
        except IntegrityError:
            return

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Delete a conversation's turns."""
        async with self._database.write() as connection:
            await connection.execute(
                delete(memories).where(
                    memories.c.conversation_id == conversation_id,
                    memories.c.tenant_id == owner.tenant_id,
                    memories.c.user_id == owner.user_id,
                )
            )

    async def health(self) -> EngineHealth:
        """Return whether the database answers."""
        try:
            await self._database.ping()
        except PenstockError as error:
            return EngineHealth(healthy=False, detail=error.message)
        return EngineHealth(healthy=True)

    async def set_vector(self, stream_id: str, vector: bytes, *, model: str) -> None:
        """Store the vector of a kept turn."""
        async with self._database.write() as connection:
            await connection.execute(
                update(memories).where(memories.c.stream_id == stream_id).values(vector=vector, vector_model=model)
            )

    async def vectors(self, owner: Owner, *, model: str, most: int) -> Sequence[tuple[int, bytes]]:
        """Return number and vector of the owner's newest turns that have one of `model`."""
        query = (
            select(memories.c.number, memories.c.vector)
            .where(
                memories.c.tenant_id == owner.tenant_id,
                memories.c.user_id == owner.user_id,
                memories.c.vector_model == model,
            )
            .order_by(memories.c.number.desc())
            .limit(most)
        )
        async with self._database.read() as connection:
            return [(row.number, row.vector) for row in (await connection.execute(query)).all()]

    async def notes(self, owner: Owner, numbers: Sequence[int]) -> Sequence[Note]:
        """Return the owner's turns of these numbers, in their order."""
        query = select(memories).where(
            memories.c.number.in_(numbers),
            memories.c.tenant_id == owner.tenant_id,
            memories.c.user_id == owner.user_id,
        )
        async with self._database.read() as connection:
            rows = {row.number: row for row in (await connection.execute(query)).all()}
        found = [rows[number] for number in numbers if number in rows]
        return [note_of(from_micros(row.create_time), row.question, row.answer) for row in found]

    def _query(self, owner: Owner, terms: Sequence[str]) -> tuple[Any, str]:
        """Return the search and its expression: the owner's term, and terms enough to fit; all are alphanumeric."""
        fitting = combinations_that_fit(terms)
        if self._database.is_sqlite:
            any_of = " OR ".join("(" + " AND ".join(f'"{term}"' for term in each) + ")" for each in fitting)
            return _FOUND_SQLITE, f"{owner_term(owner)} AND ({any_of})"
        any_of = " | ".join(f"({' & '.join(each)})" for each in fitting)
        return _FOUND_POSTGRESQL, f"{owner_term(owner)} & ({any_of})"


def _row(turn: RememberedTurn) -> dict[str, Any]:
    question, answer = turn.question[:_KEPT_CHARACTERS], turn.answer[:_KEPT_CHARACTERS]
    terms = search_terms(f"{question}\n{answer}", most=_KEPT_TERMS)
    return {
        "tenant_id": turn.owner.tenant_id,
        "user_id": turn.owner.user_id,
        "conversation_id": turn.conversation_id,
        "stream_id": turn.stream_id,
        "question": question,
        "answer": answer,
        "terms": " ".join((owner_term(turn.owner), *terms)),
        "vector": None,
        "vector_model": "",
        "create_time": to_micros(turn.create_time),
    }
