"""Devices and data models as cached bytes: JSON by the names of their fields.

A reader of another release ignores fields it does not know and takes its own defaults for those that are missing, so
that two releases on one cache do not undo each other's entries.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar, cast

from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.metadata_store import DevicePage, ModelPage
from penstock_kit.cache import JsonCodec

T = TypeVar("T")

_JSON: Final = JsonCodec()


class _RecordCodec(ABC):
    """Encodes dataclasses; `_build` makes the value of the JSON again."""

    def encode(self, value: Any) -> bytes:
        """Return `value` as bytes."""
        return _JSON.encode(value)

    def decode(self, data: bytes) -> Any:
        """Return the value; raises ValueError for what it can't be made of."""
        try:
            return self._build(_JSON.decode(data))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the cached record it should be: {error!r}") from None

    @abstractmethod
    def _build(self, json: Any) -> Any: ...


class DeviceCodec(_RecordCodec):
    """A device."""

    def _build(self, json: Any) -> Device:
        return _device(json)


class DevicePageCodec(_RecordCodec):
    """A page of devices."""

    def _build(self, json: Any) -> DevicePage:
        return _known(DevicePage, {**json, "devices": [_device(each) for each in json["devices"]]})


class ModelCodec(_RecordCodec):
    """A data model."""

    def _build(self, json: Any) -> DataModel:
        return _model(json)


class ModelPageCodec(_RecordCodec):
    """A page of data models."""

    def _build(self, json: Any) -> ModelPage:
        return _known(ModelPage, {**json, "models": tuple(_model(each) for each in json["models"])})


class CodesCodec(_RecordCodec):
    """A list of codes."""

    def _build(self, json: Any) -> Sequence[str]:
        codes = cast("list[object]", json if isinstance(json, list) else [None])
        if not all(isinstance(code, str) for code in codes):
            raise TypeError("not a list of codes")
        return tuple(cast("list[str]", codes))


def _device(json: Any) -> Device:
    kinds = {code: FieldKind(kind) for code, kind in json["fields"].items()}
    return _known(Device, {**json, "fields": kinds})


def _model(json: Any) -> DataModel:
    described = tuple(_known(Field, {**each, "kind": FieldKind(each["kind"])}) for each in json["fields"])
    return _known(DataModel, {**json, "fields": described})


def _known(record: type[T], values: Mapping[str, Any]) -> T:
    names = {field.name for field in fields(record)}  # type: ignore[arg-type]
    return record(**{name: value for name, value in values.items() if name in names})
