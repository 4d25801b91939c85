"""The rows of messages: payloads in JSON or line protocol, by device."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final, cast

import orjson

from feature_service.domain.ingest.cell import JsonCells
from feature_service.domain.ingest.line_protocol import FieldValue
from feature_service.domain.ingest.message import Message, PayloadFormat
from feature_service.domain.ingest.point_rows import DevicePoints, PointPlan, PointReading, is_all_before_1971
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.timestamp_cell import parse_time, shown
from feature_service.domain.ingest.unfit_text import REASON, refuse_unfit
from feature_service.domain.registry.device_registry import is_code

_DEVICE_KEYS: Final = ("device_code", "device")
_CELLS: Final = JsonCells()
_MOST_ROWS: Final = 100_000


class NoReadingError(ValueError):
    """A retained message without a time of its own: it says nothing of when it was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlan:
    """How payloads are read. `timestamp_key` holds the time of a row of JSON; `unit` are the nanoseconds of a time of
    line protocol, None: one, and nobody said so. `device_tags` name the device where the topic does not.
    """

    format: PayloadFormat
    timestamp_key: str
    unit: int | None
    device_tags: tuple[str, ...]
    max_bytes: int


class MessageReading:
    """Reads the messages of a batch, each by itself; `rejections` name messages by their place.

    `ignored` are the places of messages that are no readings, `untimed` of those with rows of the time they came.
    """

    def __init__(self, plan: MessagePlan, rejections: Rejections) -> None:
        self._plan = plan
        self._rejections = rejections
        self.devices: dict[str, DevicePoints] = {}
        self.ignored: list[int] = []
        self.untimed: list[int] = []

    def read(self, place: int, message: Message) -> None:
        """Take the rows of a message; what is wrong with it is noted, and costs no other."""
        if message.misfit:
            self._rejections.add(place, message.misfit)
            return
        if message.size > self._plan.max_bytes:
            most = f"at most {self._plan.max_bytes} are read (MQTT_MAX_PAYLOAD_BYTES)"
            self._rejections.add(place, f"the payload has {message.size} bytes; {most}")
            return
        try:
            if self._is_json(message.payload):
                self._read_json(place, message)
            else:
                self._read_points(place, message)
        except NoReadingError:
            self.ignored.append(place)
        except ValueError as error:
            self._rejections.add(place, str(error))

    def _is_json(self, payload: bytes) -> bool:
        if self._plan.format is PayloadFormat.AUTO:
            return payload[:64].lstrip()[:1] in (b"{", b"[")
        return self._plan.format is PayloadFormat.JSON

    def _read_json(self, place: int, message: Message) -> None:
        read: list[tuple[str, str, int, Mapping[str, FieldValue]]] = []
        for row, model in _rows(_parsed(message.payload)):
            try:
                read.append(self._row(message, row, model))
            except NoReadingError:
                raise
            except ValueError as error:
                self._rejections.add(place, str(error))
        if any(time == message.time for _, _, time, _ in read):
            self.untimed.append(place)
        for device, model, time, values in read:
            self._of(device, model).add((place, time, values))

    def _row(self, message: Message, row: Any, model: str) -> tuple[str, str, int, Mapping[str, FieldValue]]:
        if not isinstance(row, dict):
            raise ValueError(f"{shown(row)} is no row: a payload is an object of fields, or a list of such")
        values = dict(cast("dict[str, Any]", row))
        time = values.pop(self._plan.timestamp_key, None)
        named = next((code for key in _DEVICE_KEYS if isinstance(code := values.pop(key, None), str)), "").strip()
        device = message.origin.device_code or named
        if not is_code(device):
            raise ValueError(_no_device(device))
        if time is None and message.retained:
            raise NoReadingError
        micros = message.time if time is None else parse_time(time, UTC)
        given = values.pop("model_code", None)
        model = message.origin.model_code or (given if isinstance(given, str) else "") or model
        return device, model, micros, _values(values)

    def _read_points(self, place: int, message: Message) -> None:
        device = message.origin.device_code
        if device and not is_code(device):
            raise ValueError(_no_device(device))
        own = Rejections(most=1)
        unit = 1 if self._plan.unit is None else self._plan.unit
        plan = PointPlan(device_tags=self._plan.device_tags, unit=unit, now=message.time, device=device)
        reading = PointReading(plan, own, line_by_line=True)
        reading.read(message.payload.decode(errors="surrogateescape"))
        if not own.count and not reading.devices:
            raise ValueError("the payload is empty")
        for refused in own.listed:
            more = f" ({own.count} lines of it are refused)" if own.count > 1 else ""
            self._rejections.add(place, f"line {refused.line}: {refused.reason}{more}")
        if self._plan.unit is None and is_all_before_1971(reading.devices):
            raise ValueError("its times are of 1970 when they are nanoseconds: name the unit with MQTT_TIME_PRECISION")
        if any(row[1] == message.time for points in reading.devices.values() for row in _each_row(points)):
            if message.retained:
                raise NoReadingError
            self.untimed.append(place)
        for code, points in reading.devices.items():
            into = self._of(code, message.origin.model_code or points.measurement)
            for row in _each_row(points):
                into.add((place, row[1], row[2]))

    def _of(self, device: str, model: str) -> DevicePoints:
        known = self.devices.get(device)
        if known is None:
            known = self.devices[device] = DevicePoints(measurement=model)
        return known


def _each_row(points: DevicePoints) -> Iterator[tuple[int, int, Mapping[str, FieldValue]]]:
    for piece in points.pieces:
        yield from piece if isinstance(piece, list) else piece.rows()


def _parsed(payload: bytes) -> Any:
    if not payload.strip():
        raise ValueError("the payload is empty")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the payload is no JSON: {error}") from None


def _rows(value: Any) -> Iterator[tuple[Any, str]]:
    """Each row of a payload, and the model that is named for all: an object, a list of them, or ``{"rows": […]}``."""
    model, shared = "", dict[str, Any]()
    listed: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    if isinstance(value, dict) and isinstance((whole := cast("dict[str, Any]", value)).get("rows"), list):
        shared = {key: each for key, each in whole.items() if key in _DEVICE_KEYS}
        model = str(whole.get("model_code") or "")
        listed = whole["rows"]
    if not listed or len(listed) > _MOST_ROWS:
        raise ValueError(f"the payload has {len(listed)} rows; a message has 1 to {_MOST_ROWS}")
    for row in listed:
        yield ({**shared, **cast("dict[str, Any]", row)} if shared and isinstance(row, dict) else row), model


def _values(row: Mapping[str, Any]) -> Mapping[str, FieldValue]:
    """The values of a row, by the rules of every JSON body. Raises ValueError when one can't be read."""
    values: dict[str, FieldValue] = {}
    for name, cell in row.items():
        if cell is None or cell == "":
            continue
        try:
            values[name] = _text(name, cell) if isinstance(cell, str) else _CELLS.number(cell)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if not values:
        raise ValueError("the row has no value")
    return values


def _text(name: str, cell: str) -> str:
    bad: dict[int, str] = {}
    refuse_unfit(name, [cell], bad)
    if bad:
        raise ValueError(REASON)
    return cell


def _no_device(device: str) -> str:
    if device:
        return f"{shown(device)} can't be the code of a device"
    return "neither the topic nor the payload names a device: have {device} in MQTT_TOPICS, or a key device_code"
