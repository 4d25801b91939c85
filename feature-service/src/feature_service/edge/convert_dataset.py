"""Between the messages and the values of data sets."""

from enum import StrEnum
from typing import TypeVar

from penstock.feature.v1 import feature_pb2

from feature_service.domain.dataset.plan import DatasetPlan, LabelMode, SplitMethod
from feature_service.domain.dataset.record import Dataset, DatasetState, FileFormat
from feature_service.domain.model.device import DataModel
from feature_service.edge import convert_extraction
from feature_service.edge.convert import span_from_proto, time_to_proto
from feature_service.edge.convert_window import micros_of_duration
from penstock_kit.errors import InvalidArgument

_Choice = TypeVar("_Choice", bound=StrEnum)


def plan_from_proto(request: feature_pb2.CreateDatasetRequest, model: DataModel) -> DatasetPlan:
    """Return the plan; label and options that the request leaves out are the model's.

    Raises InvalidArgument for a choice that is none, and what :class:`DatasetPlan` raises.
    """
    options = convert_extraction.with_defaults(model.defaults, request.options)
    return DatasetPlan(
        model_code=request.model_code,
        label_field=request.label_column or model.label_field,
        device_codes=tuple(dict.fromkeys(request.device_codes)),
        span=span_from_proto(request),
        fields=tuple(dict.fromkeys(options.fields)),
        extraction=convert_extraction.plan_from_proto(options),
        split=choice(SplitMethod, request.split, "split", SplitMethod.TIME, reason="SPLIT_INVALID"),
        val_split=request.val_split if request.HasField("val_split") else 0.2,
        random_state=_seed(request),
        embargo=micros_of_duration(request, "embargo"),
        horizon=micros_of_duration(request, "horizon"),
        label_mode=choice(LabelMode, request.label_mode, "label_mode", LabelMode.MODE, reason="LABEL_MODE_INVALID"),
    )


def dataset_to_proto(dataset: Dataset) -> feature_pb2.Dataset:
    """Return the message of a data set."""
    done = dataset.state is DatasetState.DONE
    return feature_pb2.Dataset(
        id=dataset.id,
        state=dataset.state.value,
        progress=dataset.progress,
        failure=dataset.failure,
        model_code=dataset.model_code,
        train_samples=dataset.train_samples,
        val_samples=dataset.val_samples,
        feature_count=len(dataset.feature_names),
        class_distribution=dataset.class_distribution,
        create_time=time_to_proto(dataset.created),
        manifest_json=dataset.manifest,
        formats=[each.value for each in FileFormat] if done else [],
        feature_names=dataset.feature_names,
    )


def format_from_proto(name: str) -> FileFormat:
    """Return the form of the file, .npz without a name. Raises InvalidArgument FORMAT_INVALID."""
    return choice(FileFormat, name, "format", FileFormat.NPZ, reason="FORMAT_INVALID")


def manifest_to_proto(dataset_id: str, manifest: str) -> feature_pb2.DownloadDatasetResponse:
    """Return the manifest as a file."""
    content = manifest.encode()
    return feature_pb2.DownloadDatasetResponse(
        chunk=content,
        content_type="application/json",
        filename=f"{dataset_id}.json",
        size_bytes=len(content),
        length=len(content),
    )


def choice(kind: type[_Choice], name: str, parameter: str, default: _Choice, *, reason: str) -> _Choice:
    """Return the choice that `name` is, `default` without one. Raises InvalidArgument with the reason given."""
    try:
        return kind(name) if name else default
    except ValueError:
        raise InvalidArgument(
            f"{parameter} is {name!r}; it must be one of: {', '.join(kind)}",
            reason=reason,
        ) from None


def _seed(request: feature_pb2.CreateDatasetRequest) -> int:
    seed = request.random_state if request.HasField("random_state") else 42
    if seed < 0:
        raise InvalidArgument(f"random_state is {seed}; it must be 0 or more", reason="RANDOM_STATE_INVALID")
    return seed
