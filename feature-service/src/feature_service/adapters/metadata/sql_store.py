"""MetadataStore on SQLite or PostgreSQL, through SQLAlchemy Core."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Table, bindparam, delete, exists, insert, or_, select, union, update
from sqlalchemy.exc import IntegrityError

from feature_service.adapters.metadata import row
from feature_service.adapters.metadata.page_end import cut_page
from feature_service.adapters.metadata.row_count import count_rows
from feature_service.adapters.metadata.table import data_model, device, device_field, model_field, type_field
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.metadata_store import (
    DeviceFilter,
    DevicePage,
    ModelFilter,
    ModelPage,
    NotedRows,
    SeenTimes,
)
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.errors import AlreadyExists, FailedPrecondition

Item = TypeVar("Item")

# Devices whose changes are one transaction: others wait for it.
_GROUP: Final = 500
_WIDEN: Final = (
    update(device)
    .where(device.c.tenant_id == bindparam("of_tenant"), device.c.device_code == bindparam("of_device"))
    .values(row.seen(bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)))
)


class SqlMetadataStore:
    """See :class:`feature_service.domain.model.device.MetadataStore` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def device(self, tenant_id: str, code: str) -> Device | None:
        """Return one device."""
        async with self._database.read() as connection:
            statement = select(device).where(device.c.tenant_id == tenant_id, device.c.device_code == code)
            found = (await connection.execute(statement)).one_or_none()
            if found is None:
                return None
            fields = await _device_fields(connection, tenant_id, [code])
            return row.device_from_row(found, fields.get(code, {}))

    async def devices(self, tenant_id: str, criteria: DeviceFilter, *, after: str, limit: int) -> DevicePage:
        """Return a page of devices: one query for its end, one for them, one for their fields."""
        fitting = select(device).where(device.c.tenant_id == tenant_id)
        if criteria.device_type:
            fitting = fitting.where(device.c.device_type == criteria.device_type)
        if criteria.model_code:
            fitting = fitting.where(device.c.model_code == criteria.model_code)
        if criteria.search:
            fitting = fitting.where(
                or_(
                    *(
                        column.icontains(criteria.search, autoescape=True)
                        for column in (device.c.device_code, device.c.name)
                    )
                )
            )
        page = fitting.where(device.c.device_code > after).order_by(device.c.device_code).limit(limit)
        async with self._database.read() as connection:
            page, is_cut = await cut_page(connection, page, device)
            found = (await connection.execute(page)).all()
            fields = await _device_fields(connection, tenant_id, [each.device_code for each in found])
            total, estimated = await count_rows(connection, fitting)
        devices = [row.device_from_row(each, fields.get(each.device_code, {})) for each in found]
        return DevicePage(devices=devices, total=total, total_is_estimate=estimated, is_cut=is_cut)

    async def device_codes(self, tenant_id: str, *, model_code: str = "", limit: int = 10_000) -> Sequence[str]:
        """Return codes, for looking through the rows of many devices and for suggestions."""
        statement = select(device.c.device_code).where(device.c.tenant_id == tenant_id)
        if model_code:
            statement = statement.where(device.c.model_code == model_code)
        async with self._database.read() as connection:
            found = await connection.scalars(statement.order_by(device.c.device_code).limit(limit))
            return list(found)

    async def seen_times(self, tenant_id: str, codes: Sequence[str]) -> Mapping[str, SeenTimes]:
        """Return when devices were seen."""
        if not codes:
            return {}
        columns = device.c
        statement = select(columns.device_code, columns.first_seen, columns.last_seen).where(
            columns.tenant_id == tenant_id, columns.device_code.in_(codes)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(statement)).all()
        return {each.device_code: SeenTimes(first=each.first_seen, last=each.last_seen) for each in found}

    async def tenants(self) -> Sequence[str]:
        """Return the tenants of both tables."""
        statement = union(select(data_model.c.tenant_id), select(device.c.tenant_id))
        async with self._database.read() as connection:
            return sorted(await connection.scalars(statement))

    async def add_device(self, tenant_id: str, added: Device) -> None:
        """Insert a device."""
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(device).values(row.device_to_row(tenant_id, added)))
                await _add_device_fields(connection, tenant_id, added.code, added.fields)
        except IntegrityError:
            raise AlreadyExists(f"device {added.code!r} exists already", reason="DEVICE_EXISTS") from None

    async def add_devices(self, tenant_id: str, added: Sequence[Device]) -> None:
        """Insert devices that are not there yet."""
        # In the order of their codes: two that insert the same ones wait for each other, and neither for ever.
        for group in _groups(sorted({each.code: each for each in added}.values(), key=lambda each: each.code)):
            async with self._database.write() as connection:
                await _add_new_devices(connection, tenant_id, group)

    async def change_device(self, tenant_id: str, changed: Device) -> None:
        """Update a device."""
        values = row.device_to_row(tenant_id, changed)
        for kept in ("tenant_id", "device_code", "created", "first_seen", "last_seen"):
            del values[kept]
        where = (device.c.tenant_id == tenant_id, device.c.device_code == changed.code)
        async with self._database.write() as connection:
            await connection.execute(update(device).where(*where).values(values))

    async def note_rows(
        self, tenant_id: str, code: str, fields: Mapping[str, FieldKind], *, first: int, last: int
    ) -> bool:
        """Add fields that are new and widen the seen times."""
        return await self.note_all_rows(tenant_id, [NotedRows(code=code, fields=fields, first=first, last=last)])

    async def note_all_rows(self, tenant_id: str, notes: Sequence[NotedRows]) -> bool:
        """The same for many devices."""
        has_new = False
        for group in _groups(sorted(notes, key=lambda note: note.code)):
            async with self._database.write() as connection:
                has_new = await _note_rows(connection, tenant_id, group) or has_new
        return has_new

    async def remove_device(self, tenant_id: str, code: str) -> bool:
        """Delete a device; its fields go with it."""
        where = (device.c.tenant_id == tenant_id, device.c.device_code == code)
        async with self._database.write() as connection:
            return (await connection.execute(delete(device).where(*where))).rowcount > 0

    async def model(self, tenant_id: str, code: str) -> DataModel | None:
        """Return one data model."""
        async with self._database.read() as connection:
            statement = select(data_model).where(data_model.c.tenant_id == tenant_id, data_model.c.model_code == code)
            found = (await connection.execute(statement)).one_or_none()
            if found is None:
                return None
            fields = await _model_fields(connection, tenant_id, [code])
            return row.model_from_row(found, fields.get(code, []))

    async def models(self, tenant_id: str, criteria: ModelFilter, *, after: str, limit: int) -> ModelPage:
        """Return a page of data models: one query for its end, one for them, one for their fields."""
        fitting = select(data_model).where(data_model.c.tenant_id == tenant_id)
        if criteria.device_type:
            fitting = fitting.where(data_model.c.device_type == criteria.device_type)
        if criteria.model_type:
            fitting = fitting.where(data_model.c.model_type == criteria.model_type)
        if criteria.active_only:
            fitting = fitting.where(data_model.c.active)
        page = fitting.where(data_model.c.model_code > after).order_by(data_model.c.model_code).limit(limit)
        async with self._database.read() as connection:
            page, is_cut = await cut_page(connection, page, data_model)
            found = (await connection.execute(page)).all()
            fields = await _model_fields(connection, tenant_id, [each.model_code for each in found])
            total, estimated = await count_rows(connection, fitting)
        models = [row.model_from_row(each, fields.get(each.model_code, [])) for each in found]
        return ModelPage(models=models, total=total, total_is_estimate=estimated, is_cut=is_cut)

    async def model_codes(self, tenant_id: str, *, limit: int = 1_000) -> Sequence[str]:
        """Return codes, for suggestions."""
        statement = select(data_model.c.model_code).where(data_model.c.tenant_id == tenant_id)
        async with self._database.read() as connection:
            return list(await connection.scalars(statement.order_by(data_model.c.model_code).limit(limit)))

    async def add_model(self, tenant_id: str, added: DataModel) -> None:
        """Insert a data model with its fields."""
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(data_model).values(row.model_to_row(tenant_id, added)))
                await _set_model_fields(connection, tenant_id, added)
        except IntegrityError:
            raise AlreadyExists(f"data model {added.code!r} exists already", reason="DATA_MODEL_EXISTS") from None

    async def change_model(self, tenant_id: str, changed: DataModel) -> None:
        """Update a data model and its fields."""
        values = row.model_to_row(tenant_id, changed)
        for kept in ("tenant_id", "model_code", "created"):
            del values[kept]
        where = (data_model.c.tenant_id == tenant_id, data_model.c.model_code == changed.code)
        async with self._database.write() as connection:
            await connection.execute(update(data_model).where(*where).values(values))
            await _set_model_fields(connection, tenant_id, changed)

    async def extend_model(self, tenant_id: str, code: str, fields: Sequence[Field], *, updated: int) -> bool:
        """Add fields that are new."""
        where = (data_model.c.tenant_id == tenant_id, data_model.c.model_code == code)
        async with self._database.read() as connection:
            listed = (await _model_fields(connection, tenant_id, [code])).get(code, [])
        if {field.code for field in fields} <= {field.code for field in listed}:
            return False
        async with self._database.write() as connection:
            # First the row itself: it is locked by that, so that concurrent callers add one after another.
            changed = await connection.execute(update(data_model).where(*where).values(updated=updated))
            if changed.rowcount == 0:
                return False
            device_type = (await connection.execute(select(data_model.c.device_type).where(*where))).scalar_one()
            known = {field.code for field in (await _model_fields(connection, tenant_id, [code])).get(code, [])}
            new = [field for field in fields if field.code not in known]
            await _describe_fields(connection, tenant_id, device_type, new)
            await _list_fields(connection, tenant_id, code, new, position=len(known))
        return bool(new)

    async def remove_model(self, tenant_id: str, code: str) -> bool:
        """Delete a data model that no device uses."""
        using = exists().where(device.c.tenant_id == tenant_id, device.c.model_code == code)
        where = (data_model.c.tenant_id == tenant_id, data_model.c.model_code == code)
        async with self._database.write() as connection:
            if await connection.scalar(select(using)):
                raise FailedPrecondition(
                    f"data model {code!r} is used by devices; move them to another model or delete them first",
                    reason="DATA_MODEL_CONFLICT",
                )
            return (await connection.execute(delete(data_model).where(*where))).rowcount > 0

    async def ping(self) -> None:
        """Ask the database for nothing."""
        await self._database.ping()


def _groups(items: Sequence[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while group := list(islice(left, _GROUP)):
        yield group


async def _add_new_devices(connection: AsyncConnection, tenant_id: str, added: Sequence[Device]) -> None:
    codes = [each.code for each in added]
    known = select(device.c.device_code).where(device.c.tenant_id == tenant_id, device.c.device_code.in_(codes))
    there = set(await connection.scalars(known))
    new = [each for each in added if each.code not in there]
    if not new:
        return
    # Another replica may add some of them at this moment.
    devices = _insert(device, connection.dialect.name).on_conflict_do_nothing()
    await connection.execute(devices, [row.device_to_row(tenant_id, each) for each in new])
    fields = [field for each in new for field in _field_rows(tenant_id, each.code, each.fields)]
    if fields:
        await connection.execute(_insert(device_field, connection.dialect.name).on_conflict_do_nothing(), fields)


async def _note_rows(connection: AsyncConnection, tenant_id: str, notes: Sequence[NotedRows]) -> bool:
    """Widen the seen times and add fields that are new; return whether there were any."""
    # First the rows themselves: they are locked by that, so that concurrent notes add their fields one after another.
    await connection.execute(
        _WIDEN,
        [{"of_tenant": tenant_id, "of_device": note.code, "first": note.first, "last": note.last} for note in notes],
    )
    known = await _device_fields(connection, tenant_id, [note.code for note in notes])
    rows: list[dict[str, Any]] = []
    for note in notes:
        before = known.get(note.code, {})
        new = {name: kind for name, kind in note.fields.items() if name not in before}
        rows += _field_rows(tenant_id, note.code, new, position=len(before))
    if rows:
        await connection.execute(insert(device_field), rows)
    return bool(rows)


async def _device_fields(
    connection: AsyncConnection, tenant_id: str, codes: Sequence[str]
) -> dict[str, dict[str, FieldKind]]:
    columns = device_field.c
    statement = (
        select(columns.device_code, columns.field_code, columns.kind)
        .where(columns.tenant_id == tenant_id, columns.device_code.in_(codes))
        .order_by(columns.device_code, columns.position)
    )
    fields: dict[str, dict[str, FieldKind]] = {}
    for each in await connection.execute(statement):
        fields.setdefault(each.device_code, {})[each.field_code] = FieldKind(each.kind)
    return fields


async def _add_device_fields(
    connection: AsyncConnection, tenant_id: str, code: str, fields: Mapping[str, FieldKind]
) -> None:
    if rows := _field_rows(tenant_id, code, fields):
        await connection.execute(insert(device_field), rows)


def _field_rows(tenant_id: str, code: str, fields: Mapping[str, FieldKind], position: int = 0) -> list[dict[str, Any]]:
    return [
        {"tenant_id": tenant_id, "device_code": code, "field_code": name, "position": place, "kind": kind.value}
        for place, (name, kind) in enumerate(fields.items(), position)
    ]


async def _model_fields(connection: AsyncConnection, tenant_id: str, codes: Sequence[str]) -> dict[str, list[Field]]:
    same_field = (model_field.c.tenant_id == type_field.c.tenant_id) & (
        model_field.c.field_code == type_field.c.field_code
    )
    own_model = (model_field.c.tenant_id == data_model.c.tenant_id) & (
        model_field.c.model_code == data_model.c.model_code
    )
    statement = (
        select(model_field.c.model_code, type_field)
        .join_from(model_field, data_model, own_model)
        .join(type_field, same_field & (type_field.c.device_type == data_model.c.device_type))
        .where(model_field.c.tenant_id == tenant_id, model_field.c.model_code.in_(codes))
        .order_by(model_field.c.model_code, model_field.c.position)
    )
    fields: dict[str, list[Field]] = {}
    for each in await connection.execute(statement):
        fields.setdefault(each.model_code, []).append(row.field_from_row(each))
    return fields


async def _set_model_fields(connection: AsyncConnection, tenant_id: str, model: DataModel) -> None:
    """Replace the model's list of fields, and what their device type says of them."""
    await connection.execute(
        delete(model_field).where(model_field.c.tenant_id == tenant_id, model_field.c.model_code == model.code)
    )
    same_type = (type_field.c.tenant_id == tenant_id) & (type_field.c.device_type == model.device_type)
    codes = [field.code for field in model.fields]
    await connection.execute(delete(type_field).where(same_type, type_field.c.field_code.in_(codes)))
    await _describe_fields(connection, tenant_id, model.device_type, model.fields)
    await _list_fields(connection, tenant_id, model.code, model.fields)


async def _describe_fields(
    connection: AsyncConnection, tenant_id: str, device_type: str, fields: Sequence[Field]
) -> None:
    """Describe fields of a device type, those that another model of the type described meanwhile left as they are."""
    rows = [row.field_to_row(tenant_id, device_type, field) for field in fields]
    if rows:
        statement = _insert(type_field, connection.dialect.name).on_conflict_do_nothing()
        await connection.execute(statement, rows)


async def _list_fields(
    connection: AsyncConnection, tenant_id: str, model_code: str, fields: Sequence[Field], position: int = 0
) -> None:
    rows = [
        {"tenant_id": tenant_id, "model_code": model_code, "field_code": field.code, "position": place}
        for place, field in enumerate(fields, position)
    ]
    if rows:
        await connection.execute(insert(model_field), rows)


def _insert(table: Table, dialect: str) -> Any:
    """An INSERT that knows conflicts. Only the store's own dialect is imported: PostgreSQL's takes 3 MB."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert
    return insert(table)
