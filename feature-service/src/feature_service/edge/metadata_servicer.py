"""The RPCs of penstock.feature.v1.MetadataService."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

from typing import Any, Final

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.registry.metadata_store import DeviceFilter, ModelFilter
from feature_service.edge import convert_metadata as convert
from feature_service.edge.page import after_token, page_size, token_after
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument

# No code has more characters.
_LONGEST_SEARCH: Final = 128


class MetadataServicer(feature_pb2_grpc.MetadataServiceServicer):
    """Each RPC converts, calls the registry and converts back; errors are the interceptor's."""

    def __init__(self, registry: DeviceRegistry) -> None:
        self._registry = registry

    async def ListDevices(
        self, request: feature_pb2.ListDevicesRequest, context: Any
    ) -> feature_pb2.ListDevicesResponse:
        """List devices."""
        if len(request.search) > _LONGEST_SEARCH:
            text = f"search has {len(request.search)} characters; a code has at most {_LONGEST_SEARCH}"
            raise InvalidArgument(text, reason="FILTER_INVALID")
        criteria = DeviceFilter(device_type=request.device_type, model_code=request.model_code, search=request.search)
        size = page_size(request.page_size)
        page = await self._registry.devices(_tenant(), criteria, after=after_token(request.page_token), limit=size)
        return feature_pb2.ListDevicesResponse(
            devices=[convert.device_to_proto(device) for device in page.devices],
            next_page_token=token_after(page.devices[-1].code) if page.is_cut or len(page.devices) == size else "",
            total=page.total,
            total_is_estimate=page.total_is_estimate,
        )

    async def GetDevice(self, request: feature_pb2.GetDeviceRequest, context: Any) -> feature_pb2.GetDeviceResponse:
        """Read a device."""
        device = await self._registry.device(_tenant(), request.device_code)
        return feature_pb2.GetDeviceResponse(device=convert.device_to_proto(device))

    async def CreateDevice(
        self, request: feature_pb2.CreateDeviceRequest, context: Any
    ) -> feature_pb2.CreateDeviceResponse:
        """Register a device."""
        device = await self._registry.add_device(_tenant(), convert.device_from_proto(request.device))
        return feature_pb2.CreateDeviceResponse(device=convert.device_to_proto(device))

    async def UpdateDevice(
        self, request: feature_pb2.UpdateDeviceRequest, context: Any
    ) -> feature_pb2.UpdateDeviceResponse:
        """Change a device."""
        stored = await self._registry.device(_tenant(), request.device.device_code)
        changed = convert.changed_device(stored, request.device, request.update_fields)
        device = await self._registry.change_device(_tenant(), changed)
        return feature_pb2.UpdateDeviceResponse(device=convert.device_to_proto(device))

    async def DeleteDevice(
        self, request: feature_pb2.DeleteDeviceRequest, context: Any
    ) -> feature_pb2.DeleteDeviceResponse:
        """Delete a device and its telemetry: one that the caller registered, an administrator any of the tenant."""
        caller = current_context().caller
        only_of = None if caller.is_admin else caller.user_id
        await self._registry.remove_device(caller.tenant_id, request.device_code, only_of=only_of)
        return feature_pb2.DeleteDeviceResponse()

    async def ListDataModels(
        self, request: feature_pb2.ListDataModelsRequest, context: Any
    ) -> feature_pb2.ListDataModelsResponse:
        """List data models."""
        criteria = ModelFilter(
            device_type=request.device_type, model_type=request.model_type, active_only=request.active_only
        )
        size = page_size(request.page_size)
        page = await self._registry.models(_tenant(), criteria, after=after_token(request.page_token), limit=size)
        return feature_pb2.ListDataModelsResponse(
            models=[convert.model_to_proto(model) for model in page.models],
            next_page_token=token_after(page.models[-1].code) if page.is_cut or len(page.models) == size else "",
            total=page.total,
            total_is_estimate=page.total_is_estimate,
        )

    async def GetDataModel(
        self, request: feature_pb2.GetDataModelRequest, context: Any
    ) -> feature_pb2.GetDataModelResponse:
        """Read a data model."""
        model = await self._registry.model(_tenant(), request.model_code)
        return feature_pb2.GetDataModelResponse(model=convert.model_to_proto(model))

    async def CreateDataModel(
        self, request: feature_pb2.CreateDataModelRequest, context: Any
    ) -> feature_pb2.CreateDataModelResponse:
        """Create a data model."""
        model = await self._registry.add_model(_tenant(), convert.model_from_proto(request.model))
        return feature_pb2.CreateDataModelResponse(model=convert.model_to_proto(model))

    async def UpdateDataModel(
        self, request: feature_pb2.UpdateDataModelRequest, context: Any
    ) -> feature_pb2.UpdateDataModelResponse:
        """Change a data model."""
        stored = await self._registry.stored_model(_tenant(), request.model.model_code)
        changed = convert.changed_model(stored, request.model, request.update_fields)
        model = await self._registry.change_model(_tenant(), changed)
        return feature_pb2.UpdateDataModelResponse(model=convert.model_to_proto(model))

    async def DeleteDataModel(
        self, request: feature_pb2.DeleteDataModelRequest, context: Any
    ) -> feature_pb2.DeleteDataModelResponse:
        """Delete a data model that no device uses."""
        await self._registry.remove_model(_tenant(), request.model_code)
        return feature_pb2.DeleteDataModelResponse()


def _tenant() -> str:
    return current_context().caller.tenant_id
