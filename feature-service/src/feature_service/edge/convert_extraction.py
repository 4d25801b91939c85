"""Between extraction options and plans, and from feature tables to responses."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from penstock.feature.v1 import feature_pb2

from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.window import DEFAULT_OVERLAP, DEFAULT_SIZE, WindowPlan
from feature_service.domain.preprocessing.method import (
    DEFAULT_OUTLIER_THRESHOLD,
    DEFAULT_SCALED_RANGE,
    MissingMethod,
    NormalizeMethod,
    OutlierMethod,
    parse_method,
)

UNDEFINED: Final = "the window has no value of the field"
"""Why a feature is undefined: there is no other cause."""

if TYPE_CHECKING:
    from feature_service.domain.extraction.extract import FeatureTable
    from feature_service.domain.query.feature_export import FeatureSummary


def plan_from_proto(options: feature_pb2.ExtractionOptions) -> ExtractionPlan:
    """Return the plan, defaults filled in. Raises InvalidArgument for a method, feature or window that is none."""
    low = options.range_min if options.HasField("range_min") else DEFAULT_SCALED_RANGE[0]
    high = options.range_max if options.HasField("range_max") else DEFAULT_SCALED_RANGE[1]
    overlap = options.overlap if options.HasField("overlap") else DEFAULT_OVERLAP
    return ExtractionPlan(
        window=WindowPlan(
            size=options.window_size or DEFAULT_SIZE,
            overlap=overlap,
            max_gap=micros_of_duration(options.max_gap) if options.HasField("max_gap") else None,
        ),
        features=resolve_features(options.features),
        missing=parse_method(
            MissingMethod,
            options.missing_value_method,
            parameter="missing_value_method",
            default=MissingMethod.INTERPOLATE,
        ),
        outliers=parse_method(
            OutlierMethod, options.outlier_method, parameter="outlier_method", default=OutlierMethod.NONE
        ),
        outlier_threshold=options.outlier_threshold or DEFAULT_OUTLIER_THRESHOLD,
        normalize=parse_method(
            NormalizeMethod, options.normalize_method, parameter="normalize_method", default=NormalizeMethod.Z_SCORE
        ),
        value_range=(low, high),
        normalize_is_default=not options.normalize_method,
    )


def with_defaults(defaults: str, options: feature_pb2.ExtractionOptions) -> feature_pb2.ExtractionOptions:
    """Return the options with those they leave unset taken from a model's defaults (JSON of options, or empty)."""
    if not defaults:
        return options
    merged = json_format.Parse(defaults, feature_pb2.ExtractionOptions(), ignore_unknown_fields=True)
    for name in ("features", "fields"):
        if getattr(options, name):
            merged.ClearField(name)  # a list is replaced, not extended
    if options.HasField("max_gap"):
        merged.ClearField("max_gap")
    merged.MergeFrom(options)
    return merged


def plan_to_proto(plan: ExtractionPlan, fields: tuple[str, ...]) -> feature_pb2.ExtractionOptions:
    """Return the options as applied to `fields`."""
    low, high = plan.value_range
    return feature_pb2.ExtractionOptions(
        window_size=plan.window.size,
        overlap=plan.window.overlap,
        normalize_method=plan.normalize.value,
        missing_value_method=plan.missing.value,
        outlier_method=plan.outliers.value,
        outlier_threshold=plan.outlier_threshold,
        features=plan.features,
        fields=fields,
        range_min=low,
        range_max=high,
        max_gap=None if plan.window.max_gap is None else duration_of_micros(plan.window.max_gap),
    )


def table_to_proto(table: "FeatureTable", plan: ExtractionPlan) -> feature_pb2.ExtractFeaturesResponse:
    """Return the features with what was fitted and the options as applied."""
    from feature_service.domain.extraction.preprocessing_json import preprocessing_json

    return feature_pb2.ExtractFeaturesResponse(
        feature_names=table.names,
        values=table.matrix.astype("<f8", copy=False).tobytes(),
        timestamps=table.starts.astype("int64").tolist(),
        window_count=len(table.matrix),
        options=plan_to_proto(replace(plan, normalize=table.fitted.scaler.method), table.fields),
        fitted_json=json.dumps(preprocessing_json(table.fitted, table.names)),
        row_count=table.rows,
        outlier_count=table.outliers,
        missing_count=table.missing,
        undefined=[
            feature_pb2.UndefinedFeatures(field=field, windows=count, reason=UNDEFINED)
            for field, count in table.undefined().items()
        ],
    )


def summary_to_proto(summary: "FeatureSummary") -> feature_pb2.ExtractFeaturesResponse:
    """Return what is told of features beside their values and times."""
    return feature_pb2.ExtractFeaturesResponse(
        feature_names=summary.names,
        window_count=len(summary.starts),
        options=plan_to_proto(summary.plan, summary.fields),
        fitted_json=json.dumps(summary.fitted),
        row_count=summary.rows,
        outlier_count=summary.outliers,
        missing_count=summary.missing,
        undefined=[
            feature_pb2.UndefinedFeatures(field=field, windows=count, reason=UNDEFINED)
            for field, count in summary.undefined.items()
        ],
    )


def summary_to_json(summary: "FeatureSummary") -> str:
    """Return the same as the metadata of a file, JSON text."""
    options = json_format.MessageToDict(plan_to_proto(summary.plan, summary.fields), preserving_proto_field_name=True)
    return json.dumps(
        {
            "window_count": len(summary.starts),
            "options": options,
            "row_count": summary.rows,
            "outlier_count": summary.outliers,
            "missing_count": summary.missing,
            "undefined": summary.undefined,
            "fitted": summary.fitted,
        }
    )


def micros_of_duration(duration: Duration) -> int:
    """Return a length of time in microseconds, what is finer cut off."""
    return duration.seconds * 1_000_000 + duration.nanos // 1_000


def duration_of_micros(micros: int) -> Duration:
    """Return so many microseconds as a length of time."""
    return Duration(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)
