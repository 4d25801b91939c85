"""Devices and data models."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query, Response
from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ, TELEMETRY_WRITE
from gateway.convert.metadata import data_model_from_proto, device_from_proto
from gateway.convert.protobuf import build_message
from gateway.http.names import MOST_LABELS, Labels, PlainName
from gateway.routes.envelope import Stopwatch
from gateway.routes.extraction import ExtractionOptions
from gateway.routes.listing import listing
from gateway.routes.parameters import PageSize, PageToken
from gateway.routes.plain import PlainRequests
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import MetadataServiceAsyncStub

Text = Annotated[str, Query(max_length=128)]


class DeviceBody(RequestModel):
    """A device; in an update, what is left out stays."""

    name: PlainName = Field(default="", max_length=256)
    device_type: PlainName = Field(default="", max_length=128)
    model_code: str = Field(default="", max_length=128)
    active: bool = True
    fields: list[str] = Field(default_factory=list, max_length=10_000)
    labels: Labels = Field(default_factory=dict, max_length=MOST_LABELS)

    def to_proto(self, device_code: str) -> pb.Device:
        """Return the message."""
        own = {name: getattr(self, name) for name in DeviceBody.model_fields}
        return pb.Device(device_code=device_code, **own)


class DeviceCreate(DeviceBody):
    """A new device."""

    device_code: str = Field(min_length=1, max_length=128)


class FieldBody(RequestModel):
    """A field of a data model."""

    field_code: str = Field(min_length=1, max_length=256)
    display_name: PlainName = Field(default="", max_length=256)
    data_type: str = Field(default="number", description="`number` or `text`.", max_length=20)
    unit: PlainName = Field(default="", max_length=40)
    description: str = Field(default="", max_length=2000)


class DataModelBody(RequestModel):
    """A data model; in an update, what is left out stays."""

    name: PlainName = Field(default="", max_length=256)
    device_type: PlainName = Field(default="", max_length=128)
    model_type: PlainName = Field(default="", max_length=128)
    active: bool = True
    fields: list[FieldBody] = Field(default_factory=list[FieldBody], max_length=10_000)
    label_column: str = Field(default="", max_length=256)
    defaults: ExtractionOptions | None = None

    def to_proto(self, model_code: str) -> pb.DataModel:
        """Return the message."""
        return pb.DataModel(
            model_code=model_code,
            name=self.name,
            device_type=self.device_type,
            model_type=self.model_type,
            active=self.active,
            fields=[pb.Field(**field.model_dump()) for field in self.fields],
            label_column=self.label_column,
            defaults=None if self.defaults is None else self.defaults.options_to_proto(),
        )


class DataModelCreate(DataModelBody):
    """A new data model."""

    model_code: str = Field(min_length=1, max_length=128)


class MetadataRoutes:
    """The routes below ``/api/v2/metadata``."""

    def __init__(self, *, metadata: "MetadataServiceAsyncStub", guard: Guard) -> None:
        self._metadata = metadata
        self.router = api_router("metadata", guard.needs(TELEMETRY_READ))
        self.plain = {
            ("GET", "/api/v2/metadata/devices"): PlainRequests(scope=TELEMETRY_READ, answer=self.list_devices),
            ("GET", "/api/v2/metadata/models"): PlainRequests(scope=TELEMETRY_READ, answer=self.list_models),
        }
        writer = [Depends(guard.needs(TELEMETRY_WRITE))]
        devices, device = "/api/v2/metadata/devices", "/api/v2/metadata/devices/{device_code}"
        models, model = "/api/v2/metadata/models", "/api/v2/metadata/models/{model_code}"
        add(self.router, f"GET {devices}", self.list_devices)
        add(self.router, f"POST {devices}", self.create_device, dependencies=writer, status_code=201)
        add(self.router, f"GET {device}", self.get_device)
        add(self.router, f"PUT {device}", self.update_device, dependencies=writer)
        add(self.router, f"DELETE {device}", self.delete_device, dependencies=writer)
        add(self.router, f"GET {models}", self.list_models)
        add(self.router, f"POST {models}", self.create_model, dependencies=writer, status_code=201)
        add(self.router, f"GET {model}", self.get_model)
        add(self.router, f"PUT {model}", self.update_model, dependencies=writer)
        add(self.router, f"DELETE {model}", self.delete_model, dependencies=writer)

    async def list_devices(
        self,
        *,
        page_size: PageSize = 0,
        page_token: PageToken = "",
        device_type: Text = "",
        model_code: Text = "",
        search: Annotated[str, Query(max_length=128, description="Part of the code or name.")] = "",
    ) -> Response:
        """List devices."""
        watch = Stopwatch()
        request = build_message(
            pb.ListDevicesRequest,
            page_size=page_size,
            page_token=page_token,
            device_type=device_type,
            model_code=model_code,
            search=search,
        )
        response = await self._metadata.ListDevices(request)
        return watch.envelope(
            listing("devices", [device_from_proto(device) for device in response.devices], response.next_page_token)
            | {"total": response.total, "total_is_estimate": response.total_is_estimate}
        )

    async def create_device(self, body: DeviceCreate) -> Response:
        """Register a device."""
        watch = Stopwatch()
        response = await self._metadata.CreateDevice(pb.CreateDeviceRequest(device=body.to_proto(body.device_code)))
        return watch.envelope(device_from_proto(response.device), 201)

    async def get_device(self, device_code: str) -> Response:
        """Read a device."""
        watch = Stopwatch()
        response = await self._metadata.GetDevice(pb.GetDeviceRequest(device_code=device_code))
        return watch.envelope(device_from_proto(response.device))

    async def update_device(self, device_code: str, body: DeviceBody) -> Response:
        """Change a device."""
        watch = Stopwatch()
        changed = sorted(body.model_fields_set)
        request = pb.UpdateDeviceRequest(device=body.to_proto(device_code), update_fields=changed)
        response = await self._metadata.UpdateDevice(request)
        return watch.envelope(device_from_proto(response.device))

    async def delete_device(self, device_code: str) -> Response:
        """Delete a device and its telemetry."""
        watch = Stopwatch()
        await self._metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code=device_code))
        return watch.envelope({"device_code": device_code, "deleted": True})

    async def list_models(
        self,
        *,
        page_size: PageSize = 0,
        page_token: PageToken = "",
        device_type: Text = "",
        model_type: Text = "",
        active_only: bool = False,
    ) -> Response:
        """List data models."""
        watch = Stopwatch()
        request = build_message(
            pb.ListDataModelsRequest,
            page_size=page_size,
            page_token=page_token,
            device_type=device_type,
            model_type=model_type,
            active_only=active_only,
        )
        response = await self._metadata.ListDataModels(request)
        return watch.envelope(
            listing("models", [data_model_from_proto(model) for model in response.models], response.next_page_token)
            | {"total": response.total, "total_is_estimate": response.total_is_estimate}
        )

    async def create_model(self, body: DataModelCreate) -> Response:
        """Create a data model."""
        watch = Stopwatch()
        response = await self._metadata.CreateDataModel(pb.CreateDataModelRequest(model=body.to_proto(body.model_code)))
        return watch.envelope(data_model_from_proto(response.model), 201)

    async def get_model(self, model_code: str) -> Response:
        """Read a data model."""
        watch = Stopwatch()
        response = await self._metadata.GetDataModel(pb.GetDataModelRequest(model_code=model_code))
        return watch.envelope(data_model_from_proto(response.model))

    async def update_model(self, model_code: str, body: DataModelBody) -> Response:
        """Change a data model."""
        watch = Stopwatch()
        changed = sorted(body.model_fields_set)
        request = pb.UpdateDataModelRequest(model=body.to_proto(model_code), update_fields=changed)
        response = await self._metadata.UpdateDataModel(request)
        return watch.envelope(data_model_from_proto(response.model))

    async def delete_model(self, model_code: str) -> Response:
        """Delete a data model that no device uses."""
        watch = Stopwatch()
        await self._metadata.DeleteDataModel(pb.DeleteDataModelRequest(model_code=model_code))
        return watch.envelope({"model_code": model_code, "deleted": True})
