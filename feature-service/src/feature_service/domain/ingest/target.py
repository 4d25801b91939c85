"""The device and the data model that a body's rows belong to, existing or still to be registered."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.unit_of_name import unit_of_name
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.device_registry import DeviceRegistry, require_code
from feature_service.domain.registry.metadata_store import MetadataStore
from penstock_kit.errors import AlreadyExists, InvalidArgument, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestTarget:
    """Where rows go; `model` is None for a device without one. The new ones are not stored yet."""

    device: Device
    model: DataModel | None
    device_is_new: bool = False
    model_is_new: bool = False

    @property
    def kinds(self) -> dict[str, FieldKind]:
        """The fields of model and device, and their kinds."""
        known = {field.code: field.kind for field in (self.model.fields if self.model else ())}
        return known | dict(self.device.fields)


def shared_schema(targets: Iterable[IngestTarget], *, create: bool) -> FieldSchema:
    """Return the fields that rows of the targets may have: those known of any; all when `create`, or none is known.

    Raises InvalidArgument FIELD_TYPE_CONFLICT when a field holds numbers in one and texts in another.
    """
    known: dict[str, FieldKind] = {}
    for target in targets:
        for name, kind in target.kinds.items():
            if known.setdefault(name, kind) is not kind:
                raise InvalidArgument(
                    f"field {name!r} holds {kind}s in device {target.device.code!r} and {known[name]}s in another of "
                    "the body; send their rows in bodies of their own",
                    reason="FIELD_TYPE_CONFLICT",
                    metadata={"field": name},
                )
    return FieldSchema(known, is_open=create or not known)


class TargetRegistry:
    """Finds targets, and registers new ones once there are rows for them."""

    def __init__(self, *, registry: DeviceRegistry, metadata: MetadataStore) -> None:
        self._registry = registry
        self._metadata = metadata

    async def find(self, tenant_id: str, code: str, model_code: str, *, create: bool) -> IngestTarget:
        """Return the target of rows for device `code` and, when named, model `model_code`.

        Raises NotFound DEVICE_NOT_FOUND or DATA_MODEL_NOT_FOUND unless `create`, InvalidArgument DEVICE_CODE_REQUIRED,
        CODE_INVALID or DEVICE_MODEL_CONFLICT.
        """
        if not code:
            raise InvalidArgument(
                "no device_code: name the device the rows belong to, or with device_column the column that names it",
                reason="DEVICE_CODE_REQUIRED",
            )
        device = await self._existing_device(tenant_id, code, create=create)
        model_code = model_code or (device.model_code if device else "")
        model = await self._metadata.model(tenant_id, model_code) if model_code else None
        if model is None and model_code:
            model = await self._new_model(tenant_id, model_code, device, create=create)
        device_is_new = device is None
        if device is None:
            require_code("device_code", code)
            device = Device(code=code)
        return IngestTarget(
            device=_of_model(device, model),
            model=model,
            device_is_new=device_is_new,
            model_is_new=model is not None and model.created == 0,
        )

    async def find_or_new(self, tenant_id: str, code: str, model_code: str) -> IngestTarget:
        """Return the target of device `code`; one that is new is of model `model_code`, empty for none."""
        device = await self._metadata.device(tenant_id, code)
        return await self.find(tenant_id, code, "" if device else model_code, create=True)

    async def register(self, tenant_id: str, target: IngestTarget, kinds: Mapping[str, FieldKind]) -> None:
        """Store what is new of the target before its first rows; the fields of a new model are `kinds`."""
        await self.register_all(tenant_id, [(target, kinds)])

    async def register_all(
        self, tenant_id: str, targets: Sequence[tuple[IngestTarget, Mapping[str, FieldKind]]]
    ) -> None:
        """Store what is new of many targets, the devices together; a new model has the fields of all its rows."""
        for model in _new_models(targets):
            await _unless_exists(self._registry.add_model(tenant_id, model))
        new = [target.device for target, _ in targets if target.device_is_new]
        if new:
            await self._registry.add_devices(tenant_id, new)
        for target, _ in targets:
            if target.model is not None and not target.device_is_new:
                await self._take_model(tenant_id, target.device.code, target.model)

    async def _take_model(self, tenant_id: str, code: str, model: DataModel) -> None:
        """Give a device the model when it has none yet."""
        stored = await self._registry.device(tenant_id, code)
        if not stored.model_code:
            await self._registry.change_device(tenant_id, _of_model(stored, model))

    async def extend_model(self, tenant_id: str, code: str, kinds: Mapping[str, FieldKind]) -> None:
        """Add to the data model the fields it does not have."""
        await self._registry.extend_model(tenant_id, code, [_new_field(name, kind) for name, kind in kinds.items()])

    async def _new_model(self, tenant_id: str, code: str, device: Device | None, *, create: bool) -> DataModel:
        if not create:
            try:
                return await self._registry.model(tenant_id, code)
            except NotFound as error:
                raise _creatable(error) from None
        require_code("model_code", code)
        return DataModel(code=code, name=code, device_type=(device.device_type if device else "") or code)

    async def _existing_device(self, tenant_id: str, code: str, *, create: bool) -> Device | None:
        if create:
            # Not by the error of an unknown one, which looks for codes like it: a body may bring a thousand of them.
            return await self._registry.find_device(tenant_id, code)
        try:
            return await self._registry.device(tenant_id, code)
        except NotFound as error:
            raise _creatable(error) from None


def _new_models(targets: Iterable[tuple[IngestTarget, Mapping[str, FieldKind]]]) -> Sequence[DataModel]:
    """Return the models that are not stored yet, each once, with the fields that its rows have."""
    models: dict[str, DataModel] = {}
    fields: dict[str, dict[str, FieldKind]] = {}
    for target, kinds in targets:
        if target.model is not None and target.model_is_new:
            models.setdefault(target.model.code, target.model)
            known = fields.setdefault(target.model.code, {})
            known.update((name, kind) for name, kind in kinds.items() if name not in known)
    return [
        replace(model, fields=tuple(_new_field(name, kind) for name, kind in fields[code].items()))
        for code, model in models.items()
    ]


def _new_field(name: str, kind: FieldKind) -> Field:
    return Field(code=name, kind=kind, unit=unit_of_name(name))


def _of_model(device: Device, model: DataModel | None) -> Device:
    """The device with the model it takes; one that has another model must be of the same type."""
    if model is None or device.model_code == model.code:
        return device
    if not device.model_code:
        return replace(device, model_code=model.code, device_type=device.device_type or model.device_type)
    if device.device_type == model.device_type:
        return device
    raise InvalidArgument(
        f"device {device.code!r} is not of model {model.code!r}; its model is {device.model_code!r}",
        reason="DEVICE_MODEL_CONFLICT",
        metadata={"device_code": device.code, "model_code": model.code},
    )


def _creatable(error: NotFound) -> NotFound:
    return NotFound(f"{error.message} (create=true registers a new one)", reason=error.reason, metadata=error.metadata)


async def _unless_exists(adding: Awaitable[object]) -> None:
    """Await the addition; that another request made the same one meanwhile is as good."""
    with suppress(AlreadyExists):
        await adding
