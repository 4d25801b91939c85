"""Data sets for training: build, follow, download, delete."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Header, Query, Response
from penstock.feature.v1 import feature_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import TELEMETRY_READ, TELEMETRY_WRITE
from gateway.convert.feature import dataset_from_proto, manifest_from_proto
from gateway.convert.protobuf import build_message
from gateway.convert.scalar import Seconds, seconds_to_proto, time_to_proto
from gateway.http.disconnect import ActiveResponses
from gateway.http.json import JsonResponse
from gateway.routes.envelope import Stopwatch
from gateway.routes.extraction import ExtractionOptions, Period
from gateway.routes.listing import listing
from gateway.routes.once import once
from gateway.routes.parameters import PageSize, PageToken
from gateway.routes.router import add, api_router
from gateway.transfer.byte_range import byte_range
from gateway.transfer.download import Download
from penstock_kit.errors import NotFound

if TYPE_CHECKING:
    from penstock.feature.v1.feature_pb2_grpc import FeatureServiceAsyncStub

_BUILD_SECONDS = 600.0
_RUNNING = frozenset({"queued", "running"})
Format = Annotated[Literal["npz", "parquet", "csv"], Query(description="Form of the file.")]


class DatasetCreate(ExtractionOptions, Period):
    """Which rows to learn from, what to learn, and how to split."""

    model_code: str = Field(min_length=1, max_length=128)
    device_codes: list[str] = Field(default_factory=list, max_length=10_000, description="Empty: every device.")
    label_column: str = Field(default="", max_length=256, description="Empty: the model's.")
    val_split: float = Field(default=0.2, gt=0, lt=1, description="Part for validation.")
    random_state: int = 42
    split: str = Field(default="time", max_length=20, description="`time`, `device` or `random`.")
    label_mode: str = Field(default="mode", max_length=20, description="`mode`, `last` or `any`.")
    embargo: Seconds = Field(
        default=0, description="Seconds: rows nearer than that to one for validation are not for training."
    )
    horizon: Seconds = Field(
        default=0, description="Seconds: a window's label is that of the rows of so long after it; 0: of its own rows."
    )
    detach: bool = Field(default=False, description="Answer at once and build as a job.")

    def to_proto(self) -> pb.CreateDatasetRequest:
        """Return the message."""
        own = ("model_code", "device_codes", "label_column", "val_split", "random_state", "split", "label_mode")
        return build_message(
            pb.CreateDatasetRequest,
            **{name: getattr(self, name) for name in own},
            detach=self.detach,
            embargo=seconds_to_proto(self.embargo),
            horizon=seconds_to_proto(self.horizon),
            start_time=time_to_proto(self.start_time),
            end_time=time_to_proto(self.end_time),
            options=self.options_to_proto(),
        )


class DatasetRoutes:
    """``/api/v2/ai/features/dataset`` and the routes below ``/api/v2/ai/datasets``."""

    def __init__(self, *, features: "FeatureServiceAsyncStub", guard: Guard, active: ActiveResponses) -> None:
        self._features = features
        self._active = active
        self.router = api_router("datasets", guard.needs(TELEMETRY_READ))
        writer = [Depends(guard.needs(TELEMETRY_WRITE))]
        one = "/api/v2/ai/datasets/{dataset_id}"
        add(self.router, "POST /api/v2/ai/features/dataset", once(self.create_dataset), dependencies=writer)
        add(self.router, "GET /api/v2/ai/datasets", self.list_datasets)
        add(self.router, f"GET {one}", self.get_dataset)
        add(self.router, f"GET {one}/manifest", self.get_manifest)
        add(self.router, f"GET {one}/download", self.download_dataset)
        add(self.router, f"DELETE {one}", self.delete_dataset, dependencies=writer, status_code=204)

    async def create_dataset(self, body: DatasetCreate) -> Response:
        """Build a data set; a long build is answered 202 and goes on as a job."""
        watch = Stopwatch()
        response = await self._features.CreateDataset(body.to_proto(), timeout=_BUILD_SECONDS)
        status = 202 if response.dataset.state in _RUNNING else 200
        return watch.envelope(dataset_from_proto(response.dataset), status)

    async def list_datasets(self, page_size: PageSize = 0, page_token: PageToken = "") -> Response:
        """List data sets, newest first."""
        watch = Stopwatch()
        response = await self._features.ListDatasets(
            build_message(pb.ListDatasetsRequest, page_size=page_size, page_token=page_token)
        )
        found = [dataset_from_proto(dataset) for dataset in response.datasets]
        return watch.envelope(listing("datasets", found, response.next_page_token))

    async def get_dataset(self, dataset_id: str) -> Response:
        """Read a data set, or how far its job is."""
        watch = Stopwatch()
        return watch.envelope(dataset_from_proto(await self._dataset(dataset_id)))

    async def get_manifest(self, dataset_id: str) -> Response:
        """Read the manifest: fields, features, fills, fences, scalers, split."""
        manifest: Any = manifest_from_proto(await self._dataset(dataset_id))
        if manifest is None:
            raise NotFound(f"the data set {dataset_id!r} has no manifest yet", reason="DATASET_UNAVAILABLE")
        return JsonResponse(manifest)

    async def download_dataset(
        self,
        dataset_id: str,
        format: Format = "npz",
        range: Annotated[str | None, Header(description="Part of the file: `bytes=0-1023`, `bytes=1024-`.")] = None,
        if_range: Annotated[str | None, Header(description="The ETag of the file that the part is wanted of.")] = None,
    ) -> Response:
        """Download the file: X_train, y_train, X_val, y_val. A download that broke off can be taken up again."""
        etag = f'"{dataset_id}.{format}"'  # the file of an id never changes
        wanted = byte_range(range) if if_range in (None, etag) else None
        request = build_message(
            pb.DownloadDatasetRequest,
            id=dataset_id,
            format=format,
            offset=wanted.offset if wanted else 0,
            length=wanted.length if wanted else 0,
        )
        start = lambda: self._features.DownloadDataset(request)  # noqa: E731 - called when the answer begins
        return Download(start, self._active, etag=etag, ranged=wanted is not None)

    async def delete_dataset(self, dataset_id: str) -> Response:
        """Delete a data set with its files."""
        await self._features.DeleteDataset(pb.DeleteDatasetRequest(id=dataset_id))
        return Response(status_code=204)

    async def _dataset(self, dataset_id: str) -> pb.Dataset:
        response = await self._features.GetDataset(pb.GetDatasetRequest(id=dataset_id))
        return response.dataset
