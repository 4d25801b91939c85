"""Personalities and prompt templates in SQLite or PostgreSQL."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, select, update

from chat_stream_service.adapters.page_rows import read_page
from chat_stream_service.adapters.page_token import decode_token, encode_token
from chat_stream_service.adapters.record import AnyRow, from_micros, to_micros
from chat_stream_service.adapters.table import personalities, templates
from chat_stream_service.domain.conversations.personality import MAX_PERSONALITIES, MAX_TEMPLATES, Personality, Template
from chat_stream_service.domain.model.conversation import Owner, Page
from penstock_kit.database import Database
from penstock_kit.errors import NotFound, ResourceExhausted

Item = TypeVar("Item", Personality, Template)


class _TenantStore(Generic[Item]):
    """Items of a tenant in one table, addressed by id; `long` are its columns of long texts."""

    def __init__(
        self,
        database: Database,
        *,
        table: Table,
        long: Sequence[ColumnElement[str]],
        noun: str,
        not_found: str,
        most: int,
        nouns: str,
        too_many: str,
        to_row: Callable[[Item], Mapping[str, Any]],
        from_row: Callable[[AnyRow], Item],
    ) -> None:
        self._database = database
        self._table = table
        self._long = long
        self._noun = noun
        self._not_found = not_found
        self._most = most
        self._nouns = nouns
        self._too_many = too_many
        self._to_row = to_row
        self._from_row = from_row

    async def create(self, owner: Owner, item: Item) -> None:
        """Store a new item; ResourceExhausted when the tenant has as many as it may."""
        count = select(func.count()).select_from(self._table).where(self._table.c.tenant_id == owner.tenant_id)
        async with self._database.write() as connection:
            if ((await connection.execute(count)).scalar() or 0) >= self._most:
                message = f"a tenant has at most {self._most:,} {self._nouns}; delete some that are not used any more"
                raise ResourceExhausted(message, reason=self._too_many)
            await connection.execute(insert(self._table).values(tenant_id=owner.tenant_id, **self._to_row(item)))

    async def get(self, owner: Owner, item_id: str) -> Item:
        """Return an item; NotFound otherwise."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(self._table).where(self._one(owner, item_id)))).first()
        if row is None:
            raise self._unknown(item_id)
        return self._from_row(row)

    async def get_stored(self, owner: Owner, item_id: str) -> Item:
        """Return an item; NotFound otherwise."""
        return await self.get(owner, item_id)

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Item]:
        """Return items, oldest first."""
        query = select(self._table).where(self._table.c.tenant_id == owner.tenant_id)
        if token:
            query = query.where(self._table.c.id > decode_token(token, str)[0])
        async with self._database.read() as connection:
            page = await read_page(connection, query, self._table.c.id, self._long, size=size)
        more = encode_token(page.rows[-1].id) if page.has_more else ""
        return Page(items=[self._from_row(row) for row in page.rows], next_token=more)

    async def replace(self, owner: Owner, item: Item) -> None:
        """Store a changed item; NotFound when there is none of its id."""
        async with self._database.write() as connection:
            query = update(self._table).where(self._one(owner, item.id)).values(**self._to_row(item))
            if (await connection.execute(query)).rowcount == 0:
                raise self._unknown(item.id)

    async def delete(self, owner: Owner, item_id: str) -> None:
        """Delete an item; NotFound when there is none."""
        async with self._database.write() as connection:
            if (await connection.execute(delete(self._table).where(self._one(owner, item_id)))).rowcount == 0:
                raise self._unknown(item_id)

    async def tenants(self) -> Sequence[str]:
        """Return the tenants that have any."""
        query = select(self._table.c.tenant_id).distinct().order_by(self._table.c.tenant_id)
        async with self._database.read() as connection:
            return list(await connection.scalars(query))

    def _one(self, owner: Owner, item_id: str) -> ColumnElement[bool]:
        return and_(self._table.c.tenant_id == owner.tenant_id, self._table.c.id == item_id)

    def _unknown(self, item_id: str) -> NotFound:
        return NotFound(f"there is no {self._noun} {item_id!r}", reason=self._not_found)


class SqlPersonalityStore(_TenantStore[Personality]):
    """Personalities, at most `most` a tenant; see PersonalityStore."""

    def __init__(self, database: Database, *, most: int = MAX_PERSONALITIES) -> None:
        super().__init__(
            database,
            table=personalities,
            long=[personalities.c.prompt, personalities.c.tools_json, personalities.c.description],
            noun="personality",
            not_found="PERSONALITY_NOT_FOUND",
            most=most,
            nouns="personalities",
            too_many="PERSONALITIES_LIMIT_EXCEEDED",
            to_row=_personality_row,
            from_row=_personality_of,
        )


class SqlTemplateStore(_TenantStore[Template]):
    """Prompt templates, at most `most` a tenant; see TemplateStore."""

    def __init__(self, database: Database, *, most: int = MAX_TEMPLATES) -> None:
        super().__init__(
            database,
            table=templates,
            long=[templates.c.content, templates.c.description],
            noun="template",
            not_found="TEMPLATE_NOT_FOUND",
            most=most,
            nouns="prompt templates",
            too_many="TEMPLATES_LIMIT_EXCEEDED",
            to_row=_template_row,
            from_row=_template_of,
        )


def _personality_row(item: Personality) -> Mapping[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "prompt": item.prompt,
        "temperature": item.temperature,
        "tools_json": json.dumps(item.tools) if item.tools else "",
        "create_time": to_micros(item.create_time),
        "update_time": to_micros(item.update_time),
    }


def _personality_of(row: AnyRow) -> Personality:
    return Personality(
        id=row.id,
        name=row.name,
        description=row.description,
        prompt=row.prompt,
        temperature=row.temperature,
        tools=tuple(json.loads(row.tools_json)) if row.tools_json else (),
        create_time=from_micros(row.create_time),
        update_time=from_micros(row.update_time),
    )


def _template_row(item: Template) -> Mapping[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "content": item.content,
        "create_time": to_micros(item.create_time),
        "update_time": to_micros(item.update_time),
    }


def _template_of(row: AnyRow) -> Template:
    return Template(
        id=row.id,
        name=row.name,
        description=row.description,
        content=row.content,
        create_time=from_micros(row.create_time),
        update_time=from_micros(row.update_time),
    )
