"""What a request for features asks for: the rows, and how features are made of them."""

from dataclasses import dataclass
from typing import Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.model.span import Span
from feature_service.domain.query.telemetry_queries import FeatureTarget, TelemetryQueries
from feature_service.edge import convert, convert_extraction
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument

MOST_NEWEST: Final = 10_000
"""Windows that may be asked for as the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFeatures:
    """Of which rows, which fields and how; `newest` windows, 0 for all."""

    tenant_id: str
    target: FeatureTarget
    span: Span
    plan: ExtractionPlan
    fields: tuple[str, ...]
    newest: int


class ExtractionRequests:
    """Completes requests by what models and data sets say."""

    def __init__(self, queries: TelemetryQueries, dataset_jobs: DatasetJobs) -> None:
        self._queries = queries
        self._dataset_jobs = dataset_jobs

    async def asked(self, request: feature_pb2.ExtractFeaturesRequest) -> AskedFeatures:
        """Return what is asked for.

        Raises NotFound DEVICE_NOT_FOUND, DATA_MODEL_NOT_FOUND or DATASET_NOT_FOUND, FailedPrecondition
        DATASET_UNAVAILABLE, and InvalidArgument for an option that is none or beside a data set.
        """
        span = convert.span_from_proto(request)
        if not 0 <= request.newest_windows <= MOST_NEWEST:
            raise InvalidArgument(
                f"newest_windows is {request.newest_windows}; it must be from 1 to {MOST_NEWEST}, or 0 for all",
                reason="NEWEST_WINDOWS_INVALID",
            )
        tenant_id = current_context().caller.tenant_id
        target = await self._queries.feature_target(tenant_id, request.device_code, request.model_code)
        if request.dataset_id:
            plan, fields = await self._as_data_set(tenant_id, request)
        else:
            options = convert_extraction.with_defaults(target.model.defaults if target.model else "", request.options)
            plan, fields = convert_extraction.plan_from_proto(options), tuple(dict.fromkeys(options.fields))
        return AskedFeatures(
            tenant_id=tenant_id, target=target, span=span, plan=plan, fields=fields, newest=request.newest_windows
        )

    async def _as_data_set(
        self, tenant_id: str, request: feature_pb2.ExtractFeaturesRequest
    ) -> tuple[ExtractionPlan, tuple[str, ...]]:
        from feature_service.domain.dataset.serving import serving_plan

        if named := [field.name for field, _ in request.options.ListFields()]:
            raise InvalidArgument(
                f"{named[0]} is named beside dataset_id; the features of a data set are made with its own options, "
                "leave the others out",
                reason="DATASET_CONFLICT",
            )
        served = serving_plan(request.dataset_id, await self._dataset_jobs.manifest(tenant_id, request.dataset_id))
        return served.extraction, served.fields
