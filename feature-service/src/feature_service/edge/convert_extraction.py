"""Between extraction options and plans, and from feature tables to responses."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from google.protobuf import json_format
from penstock.feature.v1 import feature_pb2

from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.preprocessing.method import (
    DEFAULT_OUTLIER_THRESHOLD,
    DEFAULT_SCALED_RANGE,
    MissingMethod,
    NormalizeMethod,
    OutlierMethod,
    parse_method,
    require_range,
)
from feature_service.domain.query.answer_limit import MAX_BYTES
from feature_service.edge.convert_window import clear_overridden, set_window, window_from_proto

UNDEFINED: Final = "the window has no value of the field"
"""Why a feature is undefined: there is no other cause."""
BYTES_AS_JSON: Final = 25
"""What a value takes as JSON at most, with the comma behind it."""
_BYTES_A_WINDOW: Final = 12
"""Its time, and brackets in JSON."""

if TYPE_CHECKING:
    from feature_service.domain.extraction.extract import FeatureTable
    from feature_service.domain.query.feature_export import FeatureSummary


def plan_from_proto(options: feature_pb2.ExtractionOptions) -> ExtractionPlan:
    """Return the plan, defaults filled in. Raises InvalidArgument for a method, feature or window that is none."""
    low = options.range_min if options.HasField("range_min") else DEFAULT_SCALED_RANGE[0]
    high = options.range_max if options.HasField("range_max") else DEFAULT_SCALED_RANGE[1]
    require_range((low, high))
    return ExtractionPlan(
        window=window_from_proto(options),
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
    clear_overridden(merged, options)
    merged.MergeFrom(options)
    return merged


def plan_to_proto(plan: ExtractionPlan, fields: tuple[str, ...]) -> feature_pb2.ExtractionOptions:
    """Return the options as applied to `fields`."""
    low, high = plan.value_range
    options = feature_pb2.ExtractionOptions(
        normalize_method=plan.normalize.value,
        missing_value_method=plan.missing.value,
        outlier_method=plan.outliers.value,
        outlier_threshold=plan.outlier_threshold,
        features=plan.features,
        fields=fields,
        range_min=low,
        range_max=high,
    )
    set_window(options, plan.window)
    return options


def table_to_proto(table: "FeatureTable", plan: ExtractionPlan) -> feature_pb2.ExtractFeaturesResponse:
    """Return the features with what was fitted and the options as applied."""
    response = _described(table, plan)
    response.values = table.matrix.astype("<f8", copy=False).tobytes()
    return response


def table_to_json_proto(table: "FeatureTable", plan: ExtractionPlan) -> feature_pb2.ExtractFeaturesResponse:
    """Return the same with the values as JSON, unless they may fit into no message so."""
    if BYTES_AS_JSON * table.matrix.size + _BYTES_A_WINDOW * len(table.matrix) > MAX_BYTES:
        return table_to_proto(table, plan)
    from feature_service.edge.matrix_json import matrix_json

    response = _described(table, plan)
    response.values_json = matrix_json(table.matrix)
    return response


def _described(table: "FeatureTable", plan: ExtractionPlan) -> feature_pb2.ExtractFeaturesResponse:
    from feature_service.domain.extraction.preprocessing_json import preprocessing_json

    return feature_pb2.ExtractFeaturesResponse(
        feature_names=table.names,
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
        left_out=_left_out(table.left_out.reasons(plan.window)),
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
        left_out=_left_out(summary.left_out),
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
            "windows_left_out": summary.left_out,
            "fitted": summary.fitted,
        }
    )


def _left_out(reasons: Mapping[str, int]) -> list[feature_pb2.LeftOutWindows]:
    return [feature_pb2.LeftOutWindows(reason=reason, windows=count) for reason, count in reasons.items()]
