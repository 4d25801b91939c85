"""Where the rows of a data set come from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.model.device import DataModel
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable

if TYPE_CHECKING:
    from feature_service.domain.dataset.label import LabelledRows

MAX_VALUES: Final = 200_000_000
"""Rows times fields a data set may be made of: its arrays are in memory while it is built (1.6 GB)."""


class DatasetSource:
    """Reads the labelled rows of the devices that a plan names, of `most_values` values (rows times fields) at most."""

    def __init__(self, *, registry: DeviceRegistry, telemetry: TelemetryStore, most_values: int = MAX_VALUES) -> None:
        self._registry = registry
        self._telemetry = telemetry
        self._most_values = most_values

    async def check(self, tenant_id: str, plan: DatasetPlan) -> None:
        """Raise what is wrong with the plan, before it becomes a job.

        NotFound DATA_MODEL_NOT_FOUND, DEVICE_NOT_FOUND or DATA_NOT_FOUND, InvalidArgument LABEL_REQUIRED,
        FIELD_NOT_FOUND, FIELD_TYPE_INVALID or DEVICE_MODEL_CONFLICT, Unprocessable DATASET_LIMIT_EXCEEDED.
        """
        model = await self._registry.model(tenant_id, plan.model_code)
        fields = _fields(plan, model)
        for code in plan.device_codes:
            await self._registry.device_of_model(tenant_id, code, plan.model_code)
        if not await self._codes(tenant_id, plan):
            raise NotFound(f"model {plan.model_code!r} has no devices", reason="DATA_NOT_FOUND")
        await self._counted(tenant_id, plan, fields)

    async def rows(self, tenant_id: str, plan: DatasetPlan) -> "dict[str, LabelledRows]":
        """Return the rows by device, of those that have any in the range.

        Raises NotFound TIME_RANGE_EMPTY, Unprocessable DATASET_LIMIT_EXCEEDED.
        """
        from feature_service.domain.dataset.label import LabelledRows

        fields = _fields(plan, await self._registry.model(tenant_id, plan.model_code))
        found: dict[str, LabelledRows] = {}
        for code in await self._counted(tenant_id, plan, fields):
            key = SeriesKey(tenant_id=tenant_id, device_code=code)
            frame = await self._telemetry.read(key, [*fields, plan.label_field], plan.span)
            if len(frame):
                labels = frame.texts.get(plan.label_field)
                found[code] = LabelledRows(
                    frame=frame.with_numbers({name: frame.numbers[name] for name in fields}),
                    labels=frame.numbers[plan.label_field] if labels is None else labels,
                )
        if not found:
            raise NotFound(
                f"the devices of model {plan.model_code!r} have no rows from {plan.span}", reason="TIME_RANGE_EMPTY"
            )
        return found

    async def _counted(self, tenant_id: str, plan: DatasetPlan, fields: Sequence[str]) -> list[str]:
        """Return the devices that have rows in the range, in order, once their rows are known to be few enough."""
        codes: list[str] = []
        rows = 0
        for code in sorted(await self._codes(tenant_id, plan)):  # whatever order they are named in
            count = await self._telemetry.row_count(SeriesKey(tenant_id=tenant_id, device_code=code), plan.span)
            rows += count
            if count:
                codes.append(code)
        most = self._most_values // max(1, len(fields))
        if rows > most:
            raise Unprocessable(
                f"the data set would be made of {rows} rows of {len(fields)} fields, which are in memory while it is "
                f"built: at most {most} rows of so many fields; take a shorter range, fewer devices or fewer fields",
                reason="DATASET_LIMIT_EXCEEDED",
                metadata={"rows": str(rows), "fields": str(len(fields)), "most_rows": str(most)},
            )
        return codes

    async def _codes(self, tenant_id: str, plan: DatasetPlan) -> Sequence[str]:
        return plan.device_codes or await self._registry.codes_of_model(tenant_id, plan.model_code)


def _fields(plan: DatasetPlan, model: DataModel) -> list[str]:
    """The number fields to make features of. The label may not be among them: it would be the answer."""
    kinds = {field.code: field.kind for field in model.fields}
    if not plan.label_field:
        raise InvalidArgument(
            f"no label_column: model {model.code!r} has none, name the field that holds the label",
            reason="LABEL_REQUIRED",
        )
    for name in (*plan.fields, plan.label_field):
        if name not in kinds:
            raise InvalidArgument(
                f"unknown field {name!r}; model {model.code!r} has: {', '.join(kinds)}",
                reason="FIELD_NOT_FOUND",
                metadata={"field": name},
            )
    for name in plan.fields:
        if kinds[name] is not FieldKind.NUMBER or name == plan.label_field:
            why = "is the label" if name == plan.label_field else "holds text"
            raise InvalidArgument(
                f"field {name!r} {why}; features are made of number fields", reason="FIELD_TYPE_INVALID"
            )
    return [
        name
        for name in plan.fields or kinds
        if kinds[name] is FieldKind.NUMBER and name not in {plan.label_field, model.label_field}
    ]
