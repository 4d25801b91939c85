"""Where a page of a list ends: before it is more than a message holds, however much its entries hold."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, func, select

from feature_service.adapters.metadata.table import data_model, device, device_field, model_field, type_field
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.database.page_size import count_fitting

# What a field takes beside its texts.
_A_FIELD: Final = 8


async def cut_page(connection: AsyncConnection, page: Select[Any], listed: Table) -> tuple[Select[Any], bool]:
    """Return `page`, a query for entries of `listed` in the order of their codes, without those that are too much for
    it, and whether there were any; one entry is never too much."""
    code, weight = _WEIGHTS[listed.name]
    weights = (await connection.execute(page.with_only_columns(code, weight))).all()
    count = count_fitting(each[1] for each in weights)
    return (page.where(code <= weights[count - 1][0]), True) if count < len(weights) else (page, False)


def _length(*columns: ColumnElement[Any]) -> ColumnElement[int]:
    return sum((func.length(column) for column in columns[1:]), func.length(columns[0]) + _A_FIELD)


def _of_device() -> ColumnElement[int]:
    own = (device_field.c.tenant_id == device.c.tenant_id) & (device_field.c.device_code == device.c.device_code)
    names = select(func.sum(_length(device_field.c.field_code))).where(own).correlate(device).scalar_subquery()
    return func.length(device.c.labels) + func.coalesce(names, 0)


def _of_model() -> ColumnElement[int]:
    own = (model_field.c.tenant_id == data_model.c.tenant_id) & (model_field.c.model_code == data_model.c.model_code)
    described = (
        (type_field.c.tenant_id == data_model.c.tenant_id)
        & (type_field.c.device_type == data_model.c.device_type)
        & (type_field.c.field_code == model_field.c.field_code)
    )
    columns = type_field.c
    length = _length(columns.field_code, columns.display_name, columns.unit, columns.description)
    fields = select(func.sum(length)).select_from(model_field.join(type_field, described)).where(own)
    return func.length(data_model.c.defaults) + func.coalesce(fields.correlate(data_model).scalar_subquery(), 0)


_WEIGHTS: Final = {
    device.name: (device.c.device_code, _of_device()),
    data_model.name: (data_model.c.model_code, _of_model()),
}
