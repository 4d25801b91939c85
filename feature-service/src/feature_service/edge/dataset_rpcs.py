"""The RPCs of penstock.feature.v1.FeatureService about data sets."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

from collections.abc import AsyncIterator
from typing import Any, Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.dataset.record import ByteRange
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.edge import convert_dataset as convert
from feature_service.edge.page import after_token, page_size, token_after
from penstock_kit.context import current_context

_WAIT_SECONDS: Final = 20.0
_DEADLINE_SHARE: Final = 0.8


class DatasetRpcs:
    """Each RPC converts, calls DatasetJobs and converts back; errors are the interceptor's."""

    def __init__(self, *, registry: DeviceRegistry, dataset_jobs: DatasetJobs) -> None:
        self._registry = registry
        self._dataset_jobs = dataset_jobs

    async def CreateDataset(
        self, request: feature_pb2.CreateDatasetRequest, context: Any
    ) -> feature_pb2.CreateDatasetResponse:
        """Build a data set; what takes longer than the wait goes on as a job."""
        model = await self._registry.model(_tenant(), request.model_code)
        plan = convert.plan_from_proto(request, model)
        dataset = await self._dataset_jobs.create(
            _tenant(), plan, request_id=request.request_id, wait_seconds=0.0 if request.detach else _wait_seconds()
        )
        return feature_pb2.CreateDatasetResponse(dataset=convert.dataset_to_proto(dataset))

    async def GetDataset(self, request: feature_pb2.GetDatasetRequest, context: Any) -> feature_pb2.GetDatasetResponse:
        """Read a data set or its job."""
        dataset = await self._dataset_jobs.dataset(_tenant(), request.id)
        return feature_pb2.GetDatasetResponse(dataset=convert.dataset_to_proto(dataset))

    async def ListDatasets(
        self, request: feature_pb2.ListDatasetsRequest, context: Any
    ) -> feature_pb2.ListDatasetsResponse:
        """List data sets, newest first."""
        size = page_size(request.page_size)
        found = await self._dataset_jobs.datasets(_tenant(), before=after_token(request.page_token), limit=size)
        return feature_pb2.ListDatasetsResponse(
            datasets=[convert.dataset_to_proto(dataset) for dataset in found],
            next_page_token=token_after(found[-1].id) if len(found) == size else "",
        )

    async def DownloadDataset(
        self, request: feature_pb2.DownloadDatasetRequest, context: Any
    ) -> AsyncIterator[feature_pb2.DownloadDatasetResponse]:
        """Send a file in pieces; the first message says what it is."""
        if request.format == "manifest":
            yield convert.manifest_to_proto(request.id, await self._dataset_jobs.manifest(_tenant(), request.id))
            return
        wanted = ByteRange(offset=request.offset, length=request.length)
        download = await self._dataset_jobs.download(
            _tenant(), request.id, convert.format_from_proto(request.format), wanted
        )
        yield feature_pb2.DownloadDatasetResponse(
            content_type=download.content_type,
            filename=download.filename,
            size_bytes=download.size_bytes,
            offset=download.offset,
            length=download.length,
        )
        async for chunk in download.chunks:
            yield feature_pb2.DownloadDatasetResponse(chunk=chunk)

    async def DeleteDataset(
        self, request: feature_pb2.DeleteDatasetRequest, context: Any
    ) -> feature_pb2.DeleteDatasetResponse:
        """Delete a data set with its files."""
        await self._dataset_jobs.remove(_tenant(), request.id)
        return feature_pb2.DeleteDatasetResponse()


def _wait_seconds() -> float:
    """How long to wait for a build: well inside the caller's deadline."""
    remaining = current_context().remaining()
    return _WAIT_SECONDS if remaining is None else min(_WAIT_SECONDS, remaining * _DEADLINE_SHARE)


def _tenant() -> str:
    return current_context().caller.tenant_id
