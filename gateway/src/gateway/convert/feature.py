"""Features, statistics and data sets ⇄ JSON."""

import sys
from array import array
from typing import Any

import orjson
from penstock.feature.v1 import feature_pb2 as pb

from gateway.convert.scalar import JsonObject, duration_ms, time_from_micros, time_from_proto
from gateway.convert.window_length import text_of_duration


def features_from_proto(response: pb.ExtractFeaturesResponse) -> JsonObject:
    """Return the matrix of windows × features with its names, window starts and what was done."""
    return {
        "features": orjson.Fragment(response.values_json)
        if response.values_json
        else matrix_from_bytes(response.values, len(response.feature_names)),
        "feature_names": list(response.feature_names),
        "timestamps": [time_from_micros(stamp) for stamp in response.timestamps],
        "metadata": extraction_metadata(response),
    }


def extraction_metadata(response: pb.ExtractFeaturesResponse) -> JsonObject:
    """Return what was done; `undefined` says of which fields some windows have null features, and why.

    Of windows by time `windows_left_out` says how many of the range there are not, and why.
    """
    return {
        "window_count": response.window_count,
        **options_from_proto(response.options),
        "row_count": response.row_count,
        "outlier_count": response.outlier_count,
        "missing_count": response.missing_count,
        "undefined": [
            {"field": each.field, "windows": each.windows, "reason": each.reason} for each in response.undefined
        ],
        **_left_out(response),
        "fitted": _fragment(response.fitted_json),
    }


def _left_out(response: pb.ExtractFeaturesResponse) -> JsonObject:
    if not response.options.HasField("window_duration"):
        return {}
    return {"windows_left_out": [{"windows": each.windows, "reason": each.reason} for each in response.left_out]}


def matrix_from_bytes(values: bytes, width: int) -> list[list[float]]:
    """Return little-endian float64 values as rows of `width`; NaN stays and is written as null."""
    numbers = array("d")
    numbers.frombytes(values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return [numbers[start : start + width].tolist() for start in range(0, len(numbers), width)] if width else []


def options_from_proto(options: pb.ExtractionOptions) -> JsonObject:
    """Return the options as they were applied; null for one that a data model leaves open."""
    json: JsonObject = {
        "window_size": options.window_size or None,
        "overlap": options.overlap if options.HasField("overlap") else None,
        "normalize_method": options.normalize_method or None,
        "missing_value_method": options.missing_value_method or None,
        "outlier_method": options.outlier_method or None,
        "outlier_threshold": options.outlier_threshold or None,
    }
    if options.HasField("window_duration"):
        json["window_size"] = text_of_duration(options.window_duration)
    if options.HasField("step_duration"):
        json["step"] = text_of_duration(options.step_duration)
    if options.step_rows:
        json["step"] = options.step_rows
    if options.min_rows:
        json["min_rows"] = options.min_rows
    if options.features:
        json["feature_set"] = list(options.features)
    if options.fields:
        json["fields"] = list(options.fields)
    if options.HasField("max_gap"):
        json["max_gap"] = duration_ms(options.max_gap) / 1000
    if options.HasField("range_min"):
        json["range"] = [options.range_min, options.range_max]
    return json


def field_statistics_from_proto(statistics: pb.FieldStatistics) -> JsonObject:
    """Return the statistics of one field; null where there is no value."""
    json: JsonObject = {"feature_name": statistics.field, "count": statistics.count}
    for name in ("min", "max", "mean", "std", "median", "first", "last", "sum"):
        json[name] = getattr(statistics, name) if statistics.HasField(name) else None
    json["missing_ratio"] = statistics.missing_ratio
    return json


def stats_from_proto(response: pb.GetFeatureStatsResponse) -> JsonObject:
    """Return a model's statistics with the correlation matrix, null where undefined."""
    names = [statistics.field for statistics in response.feature_statistics]
    flat, width = list(response.correlation_matrix), len(names)
    return {
        "feature_statistics": [field_statistics_from_proto(entry) for entry in response.feature_statistics],
        "correlation_matrix": [flat[start : start + width] for start in range(0, len(flat), width)] if width else [],
        "correlation_fields": names,
        "sample_count": response.sample_count,
        "row_count": response.row_count,
        "options": options_from_proto(response.options),
    }


def dataset_from_proto(dataset: pb.Dataset) -> JsonObject:
    """Return a data set, or its job."""
    path = f"/api/v2/ai/datasets/{dataset.id}"
    done = dataset.state == "done"
    return {
        "dataset_id": dataset.id,
        "state": dataset.state,
        "progress": round(dataset.progress, 4),
        "failure": dataset.failure or None,
        "model_code": dataset.model_code,
        "train_samples": dataset.train_samples,
        "val_samples": dataset.val_samples,
        "feature_count": dataset.feature_count,
        "class_distribution": dict(dataset.class_distribution),
        "create_time": time_from_proto(dataset, "create_time"),
        "formats": list(dataset.formats),
        "download_url": f"{path}/download" if done else None,
        "manifest_url": f"{path}/manifest" if done else None,
    }


def manifest_from_proto(dataset: pb.Dataset) -> Any:
    """Return the manifest: everything needed to serve with the same features."""
    return _fragment(dataset.manifest_json)


def _fragment(json: str) -> Any:
    return orjson.Fragment(json) if json else None
