"""Tool device_query."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.answer import fitted, iso_micros, number
from chat_stream_service.adapters.device_tools.argument import (
    DEVICE_CODE,
    END_TIME,
    FIELDS,
    START_TIME,
    duration,
    object_schema,
    timestamp,
)
from chat_stream_service.adapters.device_tools.condition import ANY_OF, CONDITIONS, filters_from_arguments
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.grpc import PenstockChannel

_DEFAULT_ROWS: Final = 100
_MOST_ROWS: Final = 1000
_AGGREGATES: Final = ["mean", "min", "max", "first", "last", "count", "sum", "std", "median"]


class DeviceQuery:
    """Rows of a device over a time range, as they are or one per interval."""

    name = "device_query"
    description = (
        "Reads rows of a device's telemetry over a time range, of those that fit conditions, oldest first: as they "
        "are, or aggregated to one row per interval. Use it for courses over time, hourly or daily values and single "
        "readings, not for averages of a whole range. The value at a moment: end_time just after it, newest_first, "
        "limit 1."
    )
    schema: Mapping[str, Any] = object_schema(
        {
            "device_code": DEVICE_CODE,
            "fields": FIELDS,
            "start_time": START_TIME,
            "end_time": END_TIME,
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": _MOST_ROWS,
                "description": f"Most rows. Left out: {_DEFAULT_ROWS}.",
            },
            "interval": {"type": "string", "description": "Width of an aggregated row, such as 30s, 1m, 1h or 1d."},
            "aggregate": {
                "type": "string",
                "enum": _AGGREGATES,
                "description": "How the rows of an interval become one. Left out: mean.",
            },
            "conditions": CONDITIONS,
            "any_of": ANY_OF,
            "newest_first": {"type": "boolean", "description": "The last rows of the range, not its first."},
            "order_by": {
                "type": "string",
                "description": "A number field by whose values the rows come, the lowest first, instead of by time; "
                "those without a value are left out. With limit, the lowest (or highest) so many.",
            },
            "descending": {"type": "boolean", "description": "With order_by: the highest first."},
        },
        ["device_code"],
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = feature_pb2_grpc.FeatureServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the rows as JSON, a column of times first."""
        response = await self._stub.QueryHistory(
            feature_pb2.QueryHistoryRequest(
                device_code=arguments["device_code"],
                fields=arguments.get("fields", ()),
                start_time=timestamp(arguments.get("start_time"), "start_time"),
                end_time=timestamp(arguments.get("end_time"), "end_time"),
                interval=duration(arguments.get("interval")),
                aggregate=arguments.get("aggregate", ""),
                limit=arguments.get("limit", _DEFAULT_ROWS),
                newest_first=arguments.get("newest_first", False),
                order_by=arguments.get("order_by", ""),
                descending=arguments.get("descending", False),
                filters=filters_from_arguments(arguments),
            )
        )
        table = response.rows
        head: dict[str, Any] = {
            "device_code": arguments["device_code"],
            "columns": ["timestamp", *(column.name for column in table.columns)],
        }
        if units := {column.name: column.unit for column in table.columns if column.unit}:
            head["units"] = units
        return fitted(head, "rows", _rows(table), limit=context.max_characters, truncated=response.truncated)


def _rows(table: feature_pb2.Table) -> list[list[Any]]:
    columns = [_values(column) for column in table.columns]
    times = [iso_micros(time) for time in table.timestamps]
    return [list(row) for row in zip(times, *columns, strict=True)]


def _values(column: feature_pb2.Column) -> Sequence[Any]:
    if column.numbers:
        return [number(value) for value in column.numbers]
    return [text or None for text in column.texts]
