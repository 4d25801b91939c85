"""Tool prepare_alarm."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.argument import object_schema
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.errors import InvalidArgument
from penstock_kit.grpc import PenstockChannel

LINK: Final = "/dashboard#alarm="
"""Where the form of an alarm is; what it is filled with follows as JSON."""
_MOST_DEVICES: Final = 50
_AT_ONCE: Final = 8
_SIGNS: Final = {"above": ">", "below": "<"}
_SHOWN: Final = 3
_NEXT: Final = (
    "Nothing is watched yet. Give the user this link: it opens the alarm's form, filled in, and the alarm is there "
    "once they have stored it."
)


class PrepareAlarm:
    """A link to the form of an alarm, filled in with what somebody wants to be told of. It makes nothing."""

    name = "prepare_alarm"
    description = (
        "Prepares an alarm on device values and returns a link to its form, filled in. Use it when the user wants to "
        "be told, alerted or warned (提醒, 通知, 报警) when a value goes above or below a limit or leaves a band, "
        "when no data comes, or when a device is unlike itself (anomaly). It makes no alarm by itself: give the user "
        "the link, in Markdown, and say that the alarm is there once they have stored it."
    )
    schema: Mapping[str, Any] = object_schema(
        {
            "watch": {
                "type": "string",
                "enum": ["above", "below", "outside", "no_data", "anomaly"],
                "description": "above and below need limit; outside (a band) needs lower and upper; no_data needs "
                "seconds.",
            },
            "device_codes": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 128},
                "minItems": 1,
                "maxItems": _MOST_DEVICES,
                "description": "Codes of the devices to watch, such as WLD001.",
            },
            "model_code": {"type": "string", "description": "Instead of device_codes: every device of this model."},
            "field": {"type": "string", "description": "The field to watch, exactly as list_devices gives it."},
            "limit": {"type": "number", "description": "In the field's own unit."},
            "lower": {"type": "number"},
            "upper": {"type": "number"},
            "hysteresis": {
                "type": "number",
                "minimum": 0,
                "description": "How far inside the limit the value must come to end the alarm. Left out: 0.",
            },
            "seconds": {
                "type": "number",
                "minimum": 0,
                "maximum": 604_800,
                "description": "How long it must hold before somebody is told; with no_data how long the silence is.",
            },
            "severity": {"type": "string", "enum": ["info", "warning", "critical"]},
            "name": {"type": "string", "maxLength": 200},
        },
        ["watch"],
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._metadata = feature_pb2_grpc.MetadataServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the link and what the alarm would be as JSON. Raises InvalidArgument (TOOL_ARGUMENTS_INVALID), and
        NotFound for a device or model that is not there."""
        _check(arguments)
        await self._check_subject(arguments)
        alarm = {name: value for name, value in arguments.items() if value not in ("", [], None)}
        alarm |= {"name": alarm.get("name") or _name(arguments), "seconds": alarm.get("seconds", 0)}
        text = json.dumps(alarm, ensure_ascii=False, separators=(",", ":"))
        shown = {"link": LINK + quote(text, safe=""), "fires_when": condition(arguments), "alarm": alarm, "next": _NEXT}
        return json.dumps(shown, ensure_ascii=False)

    async def _check_subject(self, arguments: Arguments) -> None:
        """Refuse devices and models that are not there, and fields that they lack."""
        codes: Sequence[str] = arguments.get("device_codes") or ()
        field = arguments.get("field", "")
        if not codes:
            request = feature_pb2.GetDataModelRequest(model_code=arguments["model_code"])
            model = (await self._metadata.GetDataModel(request)).model
            _check_field(field, [each.field_code for each in model.fields], f"model {model.model_code!r}")
            return
        gate = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._check_device(gate, code, field) for code in dict.fromkeys(codes)))

    async def _check_device(self, gate: asyncio.Semaphore, code: str, field: str) -> None:
        async with gate:
            response = await self._metadata.GetDevice(feature_pb2.GetDeviceRequest(device_code=code))
        _check_field(field, response.device.fields, f"device {code!r}")


def condition(arguments: Arguments) -> str:
    """Return when the alarm fires, in short: ``current > 250 for 60 s``."""
    watch, field = arguments["watch"], arguments.get("field", "")
    held = f" for {arguments['seconds']:g} s" if arguments.get("seconds") else ""
    match watch:
        case "above" | "below":
            return f"{field} {_SIGNS[watch]} {arguments['limit']:g}{held}"
        case "outside":
            return f"{field} outside {arguments['lower']:g} to {arguments['upper']:g}{held}"
        case "no_data":
            return f"no data{held}"
        case _:
            return f"unlike itself{held}"


def _name(arguments: Arguments) -> str:
    codes = arguments.get("device_codes") or [arguments.get("model_code", "")]
    more = f" +{len(codes) - _SHOWN}" if len(codes) > _SHOWN else ""
    return f"{', '.join(codes[:_SHOWN])}{more}: {condition(arguments)}"[:200]


def _check(arguments: Arguments) -> None:
    """Refuse what the form would refuse, in words for a model."""
    watch = arguments["watch"]
    needs: dict[str, tuple[str, ...]] = {
        "above": ("field", "limit"), "below": ("field", "limit"), "outside": ("field", "lower", "upper"),
        "no_data": ("seconds",),
    }  # fmt: skip
    missing = [name for name in needs.get(watch, ()) if arguments.get(name) in (None, "")]
    if missing:
        raise _refusal(f"watch {watch} needs {' and '.join(missing)}")
    if not arguments.get("device_codes") and not arguments.get("model_code"):
        raise _refusal("name device_codes, or a model_code for all of its devices")
    if watch == "no_data" and not arguments["seconds"]:
        raise _refusal("no_data needs seconds above 0: after how long a silence it fires")
    width = arguments["upper"] - arguments["lower"] if watch == "outside" else 1.0
    if width <= 0 or (watch == "outside" and 2 * arguments.get("hysteresis", 0) >= width):
        raise _refusal("outside needs lower below upper, and a hysteresis of less than half of the band")


def _check_field(field: str, there: Sequence[str], subject: str) -> None:
    if field and field not in there:
        raise _refusal(f"{subject} has no field {field!r}; it has: {', '.join(there) or 'none yet'}")


def _refusal(text: str) -> InvalidArgument:
    return InvalidArgument(text, reason="TOOL_ARGUMENTS_INVALID")
