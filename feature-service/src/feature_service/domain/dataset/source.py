"""Where the rows of a data set come from."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.extraction.work_limit import MAX_FILE_READINGS, require_workable
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import DataModel
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable

if TYPE_CHECKING:
    from feature_service.domain.dataset.label import LabelledRows
    from feature_service.domain.dataset.row_table import RowRoom

MAX_VALUES: Final = 2_000_000_000
"""Rows times fields of a data set, which lie on the disk while it is built (16 GB)."""
MAX_DEVICE_VALUES: Final = 1_000_000_000
"""Rows times fields of one device, which are cleaned piece by piece."""
MAX_DEVICE_ROWS: Final = 200_000_000
"""Rows of one device: where something is fitted, one field of it is in memory some times (1.6 GB each)."""
MAX_FEATURE_VALUES: Final = 250_000_000
"""Windows times features of a data set, which are in memory while it is built (2 GB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLimits:
    """How large a data set may be."""

    values: int = MAX_VALUES
    device_values: int = MAX_DEVICE_VALUES
    device_rows: int = MAX_DEVICE_ROWS
    feature_values: int = MAX_FEATURE_VALUES

    def require(self, rows: Mapping[str, int], fields: int, plan: DatasetPlan, windows: int | None = None) -> None:
        """Raise Unprocessable DATASET_LIMIT_EXCEEDED when so many rows by device are too many, or so many windows.

        Left out, `windows` are those of so many rows.
        """
        total, longest = sum(rows.values()), max(rows, key=lambda code: rows[code], default="")
        whole = self.values // max(1, fields)
        each = min(self.device_values // max(1, fields), self.device_rows)
        features = fields * len(resolve_features(plan.extraction.features))
        windows = sum(map(plan.extraction.window.count, rows.values())) if windows is None else windows
        most = self.feature_values // max(1, features)
        if total > whole:
            raise _too_large(f"{total} rows of {fields} fields", whole, "rows", "take a shorter range or fewer devices")
        if longest and rows[longest] > each:
            what = f"{rows[longest]} rows of {fields} fields of device {longest!r}"
            raise _too_large(what, each, "rows a device", "take a shorter range or fewer fields")
        if windows > most:
            what = f"{windows} windows of {features} features"
            raise _too_large(what, most, "windows", "take a larger window_size, less overlap or fewer features")
        require_workable(plan.extraction.window, windows, rows=total, columns=features, most=MAX_FILE_READINGS)


def _too_large(what: str, most: int, unit: str, remedy: str) -> Unprocessable:
    return Unprocessable(
        f"the data set would be made of {what}, at most {most} {unit} of so many are taken; {remedy}",
        reason="DATASET_LIMIT_EXCEEDED",
        metadata={"most": str(most), "unit": unit},
    )


class DatasetSource:
    """Reads the labelled rows of the devices that a plan names."""

    def __init__(
        self, *, registry: DeviceRegistry, telemetry: TelemetryStore, limits: DatasetLimits | None = None
    ) -> None:
        self._registry = registry
        self._telemetry = telemetry
        self._limits = limits or DatasetLimits()

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

    async def rows(self, tenant_id: str, plan: DatasetPlan, room: "RowRoom | None" = None) -> "dict[str, LabelledRows]":
        """Return the rows by device, of those that have any in the range; many are put into `room`.

        Raises NotFound TIME_RANGE_EMPTY, Unprocessable DATASET_LIMIT_EXCEEDED, and what the room raises.
        """
        from feature_service.domain.dataset.row_table import RowTable

        fields = _fields(plan, await self._registry.model(tenant_id, plan.model_code))
        counts = await self._counted(tenant_id, plan, fields)
        table = await asyncio.to_thread(RowTable, fields, plan.label_field, counts, room)
        found: dict[str, LabelledRows] = {}
        for code in counts:
            key = SeriesKey(tenant_id=tenant_id, device_code=code)
            blocks = self._telemetry.blocks(key, [*fields, plan.label_field], plan.span, table.rows_at_once)
            async for block in blocks:
                await asyncio.to_thread(table.add, code, block)
            if len((rows := table.device(code)).frame):
                found[code] = rows
        if not found:
            raise NotFound(
                f"the devices of model {plan.model_code!r} have no rows from {plan.span}", reason="TIME_RANGE_EMPTY"
            )
        return found

    async def _counted(self, tenant_id: str, plan: DatasetPlan, fields: Sequence[str]) -> dict[str, int]:
        """Return the rows in the range of each device that has any, once they are known to be few enough."""
        counts: dict[str, int] = {}
        for code in sorted(await self._codes(tenant_id, plan)):  # whatever order they are named in
            count = await self._telemetry.row_count(SeriesKey(tenant_id=tenant_id, device_code=code), plan.span)
            if count:
                counts[code] = count
        self._limits.require(counts, len(fields), plan, await self._windows(tenant_id, plan, counts))
        return counts

    async def _windows(self, tenant_id: str, plan: DatasetPlan, rows: Mapping[str, int]) -> int:
        """Return how many windows there are at most."""
        windows = 0
        for code, count in rows.items():
            window = plan.extraction.window
            if not isinstance(window, WindowPlan):
                extent = await self._telemetry.extent(SeriesKey(tenant_id=tenant_id, device_code=code))
                if extent is None:
                    continue
                window = window.within(plan.span, extent)
            windows += window.count(count)
        return windows

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
