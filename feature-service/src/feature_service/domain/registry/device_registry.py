"""What devices and data models there are: reading, registering, changing, removing."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from feature_service.domain.model.device import DataModel, Device, Field, require_fields
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import micros_of
from feature_service.domain.registry.metadata_store import (
    Catalogue,
    DeviceFilter,
    DevicePage,
    MetadataStore,
    ModelFilter,
    ModelPage,
)
from feature_service.domain.registry.near_code import near_codes
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, NotFound, PermissionDenied
from penstock_kit.text.control import steers

_CODE: Final = re.compile(r"[^\s/?#%\x00-\x1f][^/?#%\x00-\x1f]{0,127}")
_NEAR: Final = 5


class DeviceRegistry:
    """Devices and data models of tenants. Another tenant's are not found.

    What is only read comes from the `catalogue`, which may be cached; what is changed is read from the store first.
    `before_reading` is awaited with the tenant before devices are read, by those who keep them up to date. `user_id`
    returns whose call is being answered, empty for nobody's: new devices are that user's.
    """

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        telemetry: TelemetryStore,
        clock: Clock,
        catalogue: Catalogue | None = None,
        before_reading: Callable[[str], Awaitable[None]] | None = None,
        user_id: Callable[[], str] = str,
    ) -> None:
        self._user_id = user_id
        self._before_reading = before_reading
        self._catalogue: Catalogue = metadata if catalogue is None else catalogue
        self._metadata = metadata
        self._telemetry = telemetry
        self._clock = clock

    async def device(self, tenant_id: str, code: str) -> Device:
        """Return the device as it is stored now. Raises NotFound DEVICE_NOT_FOUND, naming devices like it."""
        return await self._require_device(self._metadata, tenant_id, code)

    async def find_device(self, tenant_id: str, code: str) -> Device | None:
        """Return the device as it is stored now, None when there is none."""
        await self._refresh(tenant_id)
        return await self._metadata.device(tenant_id, code) if code else None

    async def catalogue_device(self, tenant_id: str, code: str) -> Device:
        """Return the device, perhaps without its seen times. Raises NotFound DEVICE_NOT_FOUND."""
        return await self._require_device(self._catalogue, tenant_id, code)

    async def _require_device(self, catalogue: Catalogue, tenant_id: str, code: str) -> Device:
        await self._refresh(tenant_id)
        found = await catalogue.device(tenant_id, code) if code else None
        if found is None:
            raise unknown(
                "device",
                code,
                reason="DEVICE_NOT_FOUND",
                codes=await self._metadata.device_codes(tenant_id, limit=1_000),
            )
        return found

    async def devices(self, tenant_id: str, criteria: DeviceFilter, *, after: str, limit: int) -> DevicePage:
        """Return a page of devices in the order of their codes."""
        await self._refresh(tenant_id)
        return await self._catalogue.devices(tenant_id, criteria, after=after, limit=limit)

    async def _refresh(self, tenant_id: str) -> None:
        if self._before_reading is not None:
            await self._before_reading(tenant_id)

    async def add_device(self, tenant_id: str, device: Device) -> Device:
        """Register a device; without a type it takes that of its model.

        Raises AlreadyExists DEVICE_EXISTS, NotFound DATA_MODEL_NOT_FOUND, InvalidArgument CODE_INVALID.
        """
        require_code("device_code", device.code)
        model = await self.stored_model(tenant_id, device.model_code) if device.model_code else None
        now = micros_of(self._clock.now())
        added = _typed(self._new(device, now), model)
        await self._metadata.add_device(tenant_id, added)
        return added

    async def add_devices(self, tenant_id: str, devices: Sequence[Device]) -> None:
        """Register those of the devices that are not there yet; without a type one takes that of its model.

        Raises NotFound DATA_MODEL_NOT_FOUND, InvalidArgument CODE_INVALID.
        """
        for each in devices:
            require_code("device_code", each.code)
        models = {
            code: await self.stored_model(tenant_id, code)
            for code in dict.fromkeys(each.model_code for each in devices if each.model_code)
        }
        now = micros_of(self._clock.now())
        new = [self._new(each, now) for each in devices]
        await self._metadata.add_devices(tenant_id, [_typed(each, models.get(each.model_code)) for each in new])

    async def change_device(self, tenant_id: str, device: Device) -> Device:
        """Store the changed device. Raises NotFound DEVICE_NOT_FOUND or DATA_MODEL_NOT_FOUND."""
        if device.model_code:
            await self.stored_model(tenant_id, device.model_code)
        await self._metadata.change_device(tenant_id, replace(device, updated=micros_of(self._clock.now())))
        return await self.device(tenant_id, device.code)

    def _new(self, device: Device, now: int) -> Device:
        maker = self._user_id()
        return replace(device, created=now, updated=now, first_seen=None, last_seen=None, created_by=maker)

    async def remove_device(self, tenant_id: str, code: str, *, only_of: str | None = None) -> None:
        """Remove the device and its telemetry; with `only_of` only one that this user registered.

        Raises NotFound DEVICE_NOT_FOUND, PermissionDenied DEVICE_DENIED.
        """
        device = await self.device(tenant_id, code)
        if only_of is not None and device.created_by != only_of:
            message = f"the device {code!r} is somebody else's: who registered it deletes it, or an administrator"
            raise PermissionDenied(message, reason="DEVICE_DENIED")
        if device.first_seen is not None:
            await self._telemetry.drop(SeriesKey(tenant_id=tenant_id, device_code=code))
        await self._metadata.remove_device(tenant_id, code)

    async def model(self, tenant_id: str, code: str) -> DataModel:
        """Return the data model. Raises NotFound DATA_MODEL_NOT_FOUND, naming models with a similar code."""
        return await self._require_model(self._catalogue, tenant_id, code)

    async def stored_model(self, tenant_id: str, code: str) -> DataModel:
        """Return the data model as it is stored now. Raises NotFound DATA_MODEL_NOT_FOUND, naming models like it."""
        return await self._require_model(self._metadata, tenant_id, code)

    async def _require_model(self, catalogue: Catalogue, tenant_id: str, code: str) -> DataModel:
        found = await catalogue.model(tenant_id, code) if code else None
        if found is None:
            raise unknown(
                "model", code, reason="DATA_MODEL_NOT_FOUND", codes=await self._metadata.model_codes(tenant_id)
            )
        return found

    async def models(self, tenant_id: str, criteria: ModelFilter, *, after: str, limit: int) -> ModelPage:
        """Return a page of data models in the order of their codes."""
        return await self._catalogue.models(tenant_id, criteria, after=after, limit=limit)

    async def add_model(self, tenant_id: str, model: DataModel) -> DataModel:
        """Create a data model.

        Raises AlreadyExists DATA_MODEL_EXISTS, InvalidArgument CODE_INVALID or FIELD_CONFLICT, Unprocessable
        FIELDS_LIMIT_EXCEEDED.
        """
        require_code("model_code", model.code)
        require_fields(model)
        now = micros_of(self._clock.now())
        added = replace(model, device_type=model.device_type or model.code, created=now, updated=now)
        await self._metadata.add_model(tenant_id, added)
        return added

    async def change_model(self, tenant_id: str, model: DataModel) -> DataModel:
        """Store the changed data model.

        Raises NotFound DATA_MODEL_NOT_FOUND, InvalidArgument FIELD_CONFLICT, Unprocessable FIELDS_LIMIT_EXCEEDED.
        """
        require_fields(model)
        await self._metadata.change_model(tenant_id, replace(model, updated=micros_of(self._clock.now())))
        return await self.stored_model(tenant_id, model.code)

    async def extend_model(self, tenant_id: str, code: str, fields: Sequence[Field]) -> None:
        """Add to a data model those of `fields` that it does not have; several callers at once lose none."""
        await self._metadata.extend_model(tenant_id, code, fields, updated=micros_of(self._clock.now()))

    async def remove_model(self, tenant_id: str, code: str) -> None:
        """Remove a data model. Raises NotFound DATA_MODEL_NOT_FOUND, FailedPrecondition DATA_MODEL_CONFLICT."""
        if not await self._metadata.remove_model(tenant_id, code):
            await self.stored_model(tenant_id, code)

    async def codes_of_model(self, tenant_id: str, model_code: str) -> Sequence[str]:
        """Return the codes of the devices of a data model. Raises NotFound DATA_MODEL_NOT_FOUND."""
        await self._refresh(tenant_id)
        await self.model(tenant_id, model_code)
        return await self._catalogue.device_codes(tenant_id, model_code=model_code)

    async def device_of_model(self, tenant_id: str, code: str, model_code: str) -> Device:
        """Return the device, which must be of the data model when one is named.

        Raises NotFound DEVICE_NOT_FOUND or DATA_MODEL_NOT_FOUND, InvalidArgument DEVICE_MODEL_CONFLICT.
        """
        device = await self.catalogue_device(tenant_id, code)
        if model_code and model_code != device.model_code:
            model = await self.model(tenant_id, model_code)
            if model.device_type != device.device_type:
                own = repr(device.model_code) if device.model_code else "none"
                raise InvalidArgument(
                    f"device {code!r} is not of model {model_code!r}; its model is {own}",
                    reason="DEVICE_MODEL_CONFLICT",
                    metadata={"device_code": code, "model_code": model_code},
                )
        return device


def _typed(device: Device, model: DataModel | None) -> Device:
    """Return the device with a type of its own or that of its model."""
    return device if model is None else replace(device, device_type=device.device_type or model.device_type)


def unknown(what: str, code: str, *, reason: str, codes: Sequence[str]) -> NotFound:
    """Return the NotFound (DEVICE_NOT_FOUND, DATA_MODEL_NOT_FOUND) that names the codes most like `code`."""
    near = near_codes(code, codes, most=_NEAR)
    hint = f"; did you mean {', '.join(near)}?" if near else _known(what, codes)
    subject = f"unknown {what} {code!r}" if code else f"no {what} is named"
    return NotFound(
        f"{subject}{hint}",
        reason=reason,
        metadata={f"{what}_code": code, "suggestions": ", ".join(near or codes[:_NEAR])},
    )


def is_code(code: str) -> bool:
    """Return whether `code` can be the code of a device or a model: it looks like no other one, and steers nothing.

    ``.`` and ``..`` are none: in a URL they are steps in its path, however they are encoded, so that none is asked for.
    """
    if _CODE.fullmatch(code) is None or code != code.strip() or code in {".", ".."}:
        return False
    return code.isprintable() or not any(map(steers, code))


def require_code(name: str, code: str) -> None:
    """Raise InvalidArgument CODE_INVALID unless `code` can be the code of a device or a model."""
    if not is_code(code):
        raise InvalidArgument(
            f"{name} {code!r} is not a code: 1 to 128 characters without / ? # %, control characters and such that "
            "turn the direction of reading, no space at the ends, not . or ..",
            reason="CODE_INVALID",
        )


def _known(what: str, codes: Sequence[str]) -> str:
    if not codes:
        return f"; there is no {what} yet"
    more = f" and {len(codes) - _NEAR} more" if len(codes) > _NEAR else ""
    return f"; there {'is' if len(codes) == 1 else 'are'} {', '.join(codes[:_NEAR])}{more}"
