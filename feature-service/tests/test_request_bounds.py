"""Every field of every request of the service: at its bound it is taken, beyond it refused by its name."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.request_sweep import RequestSweep, bounds

OPERATOR: Final = Caller(user_id="u", tenant_id="t", scopes=frozenset({"admin", "operator"}))
NEW_YEAR: Final = 1_767_225_600


def moment(second: int) -> Timestamp:
    return Timestamp(seconds=NEW_YEAR + second)


def length(seconds: int) -> Duration:
    return Duration(seconds=seconds)


SPAN: Final[dict[str, Any]] = {"start_time": moment(0), "end_time": moment(400)}
FILTER: Final = pb.Filter(field="a", operator=pb.Filter.OPERATOR_GE, values=[pb.Value(number=0)])
# As a request of this form has it: a field with a value by rows stands beside none by time.
OPTIONS: Final = pb.ExtractionOptions(window_size=10, fields=["a"], features=["mean"], normalize_method="min_max")
INGEST: Final = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)

RIGHTS: Final = {
    "Ingest": pb.IngestRequest(options=INGEST),
    "WatchIngest": pb.WatchIngestRequest(options=INGEST),
    "QueryRealtime": pb.QueryRealtimeRequest(model_code="m", filters=[FILTER], fields=["a"]),
    "QueryHistory": pb.QueryHistoryRequest(device_code="d", fields=["a"], filters=[FILTER], **SPAN),
    "ExportRows": pb.ExportRowsRequest(device_code="d", fields=["a"], format="csv", **SPAN),
    "ComputeStatistics": pb.ComputeStatisticsRequest(
        device_code="d", fields=["a"], filters=[FILTER], percentiles=[50], durations=True, **SPAN
    ),
    "ExtractFeatures": pb.ExtractFeaturesRequest(model_code="m", device_code="d", options=OPTIONS, **SPAN),
    "DownloadFeatures": pb.DownloadFeaturesRequest(
        extraction=pb.ExtractFeaturesRequest(model_code="m", device_code="d", options=OPTIONS, **SPAN)
    ),
    "GetFeatureStats": pb.GetFeatureStatsRequest(model_code="m", device_codes=["d"], options=OPTIONS, **SPAN),
    "DetectAnomalies": pb.DetectAnomaliesRequest(
        model_code="m",
        device_codes=["d"],
        fields=["a"],
        method="robust_z",
        start_time=moment(200),
        end_time=moment(400),
        baseline_start_time=moment(0),
        baseline_end_time=moment(200),
        stretches=True,
    ),
    "CreateDataset": pb.CreateDatasetRequest(
        model_code="m", device_codes=["d"], label_column="l", options=OPTIONS, **SPAN
    ),
    "GetDataset": pb.GetDatasetRequest(id="x"),
    "ListDatasets": pb.ListDatasetsRequest(),
    "DownloadDataset": pb.DownloadDatasetRequest(id="x"),
    "DeleteDataset": pb.DeleteDatasetRequest(id="x"),
    "DrawPlot": pb.DrawPlotRequest(device_code="d", fields=["a"], **SPAN),
}
META_RIGHTS: Final = {
    "ListDevices": pb.ListDevicesRequest(),
    "GetDevice": pb.GetDeviceRequest(device_code="d"),
    "CreateDevice": pb.CreateDeviceRequest(
        device=pb.Device(device_code="e", name="n", model_code="m", labels={"a": "b"}), request_id="same"
    ),
    "UpdateDevice": pb.UpdateDeviceRequest(device=pb.Device(device_code="d", name="n"), update_fields=["name"]),
    "DeleteDevice": pb.DeleteDeviceRequest(device_code="nope"),
    "ListDataModels": pb.ListDataModelsRequest(),
    "GetDataModel": pb.GetDataModelRequest(model_code="m"),
    "CreateDataModel": pb.CreateDataModelRequest(
        model=pb.DataModel(
            model_code="m2",
            name="n",
            device_type="t",
            active=True,
            fields=[pb.Field(field_code="a", data_type="number")],
            defaults=OPTIONS,
        )
    ),
    "UpdateDataModel": pb.UpdateDataModelRequest(model=pb.DataModel(model_code="m", name="n"), update_fields=["name"]),
    "DeleteDataModel": pb.DeleteDataModelRequest(model_code="nope"),
}
NAN: Final = float("nan")
LONGEST: Final = 31_556_952_000
GAP: Final = (length(LONGEST), length(LONGEST + 1))
CODE: Final = ("c" * 128, "c" * 129)
PAGE: Final = (1_000, 1_001)
BOUNDS: Final = [
    *bounds("Ingest", options__format=(2, 7), options__device_code=CODE, options__model_code=CODE),
    *bounds("Ingest", options__delimiter=(",", ";;"), options__time_zone=("UTC", "Mars/Olympus")),
    *bounds("Ingest", options__decimal=(",", "'"), options__encoding=("utf-8", "utf-9")),
    *bounds("Ingest", options__date_order=("dmy", "ymd")),
    *bounds("QueryRealtime", page_size=PAGE, page=(1, -1), format=("csv", "xml")),
    *bounds("QueryHistory", limit=(100_000, 100_001), format=("arrow", "xml"), interval=(length(LONGEST), GAP[1])),
    *bounds("QueryHistory", aggregate=("", "mode"), aggregates=([], ["mode"])),
    *bounds("ExportRows", format=("arrow", "xlsx")),
    *bounds("ComputeStatistics", percentiles=([50] * 20, [50] * 21), shortest_spell=GAP),
    *bounds("ExtractFeatures", newest_windows=(10_000, 10_001)),
    *bounds("ExtractFeatures", options__window_size=(10, -1), options__overlap=(0.0, 1.0)),
    *bounds("ExtractFeatures", options__normalize_method=("z_score", "z"), options__outlier_method=("iqr", "q")),
    *bounds("ExtractFeatures", options__missing_value_method=("mean", "m"), options__outlier_threshold=(1.0, -1.0)),
    *bounds("ExtractFeatures", options__range_min=(0.0, 2.0), options__range_max=(2.0, 0.0)),
    *bounds("ExtractFeatures", options__step_rows=(5, -1), options__min_rows=(0, -1), options__max_gap=GAP),
    *bounds("ExtractFeatures", options__features=(["mean"], ["mode"])),
    *bounds("DownloadFeatures", format=("npz", "xlsx"), extraction__options__max_gap=GAP),
    *bounds("GetFeatureStats", options__max_gap=GAP),
    *bounds("DetectAnomalies", method=("robust_z", "magic"), window_size=(30, -1), overlap=(0.0, 1.0)),
    *bounds("DetectAnomalies", threshold=(1.0, NAN), max_gap=GAP, baseline_end_time=(moment(200), moment(0))),
    *bounds("CreateDataset", val_split=(0.5, 1.0), split=("time", "luck"), label_mode=("any", "all")),
    *bounds("CreateDataset", random_state=(0, -1), embargo=(length(0), GAP[1]), horizon=(length(0), GAP[1])),
    *bounds("ListDatasets", page_size=PAGE, page_token=("", "?")),
    *bounds("DownloadDataset", format=("csv", "xlsx")),
    *bounds("DrawPlot", kind=("series", "pie"), format=("svg", "gif"), width=(4_000, 4_001), height=(4_000, 4_001)),
    *bounds("DrawPlot", width=(100, 99), height=(100, 99), fields=(["a"], ["a", *"bcdefghij"]), max_gap=GAP),
]
META_BOUNDS: Final = [
    *bounds("ListDevices", page_size=PAGE, page_token=("", "?"), search=("s" * 128, "s" * 129)),
    *bounds("CreateDevice", device__device_code=("x" * 128, "c" * 129)),
    *bounds("ListDataModels", page_size=PAGE, page_token=("", "?")),
    *bounds("CreateDataModel", model__model_code=("x" * 128, "c" * 129), model__defaults__max_gap=GAP),
    *bounds("CreateDataModel", model__fields__data_type=("number", "colour")),
    *bounds("UpdateDevice", update_fields=(["name"], ["code"])),
    *bounds("UpdateDataModel", update_fields=(["name"], ["code"])),
]
_NAME: Final = "a name, compared with those there are"
_OWN: Final = "the owner's own text; the size of a message bounds it"
_SECOND_TRY: Final = "kept to know a second try by"
_MANY: Final = "as many as a message holds"
_FORM: Final = "as in the requests for features, which hold the same options"
FREE: Final = {
    "IngestOptions.device_column": _NAME,
    "IngestOptions.ignore_columns": _NAME,
    "IngestOptions.timestamp_column": _NAME,
    "IngestOptions.time_column": _NAME,
    "IngestOptions.time_precision": "of line protocol alone, whose tests have its bounds",
    "IngestOptions.whole": "of line protocol alone, whose tests have it",
    "IngestOptions.request_id": _SECOND_TRY,
    "IngestRequest.chunk": "the body, which test_false_claims.py and test_body_reader.py break",
    "WatchIngestRequest.chunk": "as of Ingest",
    "QueryRealtimeRequest.model_code": _NAME,
    "QueryRealtimeRequest.filters": _MANY,
    "QueryRealtimeRequest.fields": _NAME,
    "QueryHistoryRequest.device_code": _NAME,
    "QueryHistoryRequest.fields": _NAME,
    "QueryHistoryRequest.filters": _MANY,
    "QueryHistoryRequest.order_by": _NAME,
    "QueryHistoryRequest.max_gap": "of few readings alone, whose tests in test_feature_rpc.py have its bounds",
    "ExportRowsRequest.device_code": _NAME,
    "ExportRowsRequest.fields": _NAME,
    "Filter.field": _NAME,
    "Filter.values": _MANY,
    "Filter.any_of": _MANY,
    "Value.number": "any number is one; none compares with NaN",
    "Value.text": "compared with what is there",
    "ComputeStatisticsRequest.device_code": _NAME,
    "ComputeStatisticsRequest.fields": _NAME,
    "ComputeStatisticsRequest.filters": _MANY,
    "ExtractFeaturesRequest.model_code": _NAME,
    "ExtractFeaturesRequest.device_code": _NAME,
    "ExtractFeaturesRequest.dataset_id": _NAME,
    "ExtractionOptions.fields": _NAME,
    "GetFeatureStatsRequest.model_code": _NAME,
    "GetFeatureStatsRequest.device_codes": _NAME,
    "DetectAnomaliesRequest.model_code": _NAME,
    "DetectAnomaliesRequest.device_codes": _NAME,
    "DetectAnomaliesRequest.fields": _NAME,
    "DetectAnomaliesRequest.detector_id": _NAME,
    "DetectAnomaliesRequest.step_rows": _FORM,
    "DetectAnomaliesRequest.min_rows": _FORM,
    "CreateDatasetRequest.model_code": _NAME,
    "CreateDatasetRequest.device_codes": _NAME,
    "CreateDatasetRequest.label_column": _NAME,
    "CreateDatasetRequest.request_id": _SECOND_TRY,
    "GetDatasetRequest.id": _NAME,
    "DownloadDatasetRequest.id": _NAME,
    "DownloadDatasetRequest.offset": "one behind the end is told with the size, which is not known before",
    "DownloadDatasetRequest.length": "what is there of so many bytes is sent",
    "DeleteDatasetRequest.id": _NAME,
    "DeleteDatasetRequest.request_id": _SECOND_TRY,
    "DrawPlotRequest.device_code": _NAME,
    "DrawPlotRequest.window_size": _FORM,
    "DrawPlotRequest.overlap": _FORM,
    "DrawPlotRequest.step_rows": _FORM,
}
META_FREE: Final = {
    "CreateDeviceRequest.request_id": _SECOND_TRY,
    "UpdateDeviceRequest.request_id": _SECOND_TRY,
    "DeleteDeviceRequest.request_id": _SECOND_TRY,
    "CreateDataModelRequest.request_id": _SECOND_TRY,
    "UpdateDataModelRequest.request_id": _SECOND_TRY,
    "DeleteDataModelRequest.request_id": _SECOND_TRY,
    "GetDeviceRequest.device_code": _NAME,
    "DeleteDeviceRequest.device_code": _NAME,
    "GetDataModelRequest.model_code": _NAME,
    "DeleteDataModelRequest.model_code": _NAME,
    "ListDevicesRequest.device_type": _NAME,
    "ListDevicesRequest.model_code": _NAME,
    "ListDataModelsRequest.device_type": _NAME,
    "ListDataModelsRequest.model_type": _NAME,
    "Device.model_code": _NAME,
    "Device.name": _OWN,
    "Device.device_type": _OWN,
    "Device.fields": _OWN,
    "Device.labels": _OWN,
    **{f"Device.{name}_time": "output only" for name in ("create", "update", "first_seen", "last_seen")},
    **{f"DataModel.{name}_time": "output only" for name in ("create", "update")},
    "DataModel.name": _OWN,
    "DataModel.device_type": _OWN,
    "DataModel.model_type": _OWN,
    "DataModel.fields": _MANY,
    "DataModel.label_column": _NAME,
    "Field.field_code": _OWN,
    "Field.display_name": _OWN,
    "Field.unit": _OWN,
    "Field.description": _OWN,
    **{
        f"ExtractionOptions.{name}": _FORM
        for name in (
            *("window_size", "overlap", "normalize_method", "missing_value_method", "outlier_method"),
            *("outlier_threshold", "features", "fields", "range_min", "range_max", "step_rows", "min_rows"),
        )
    },
}
SAID: Final = {
    "device_codes": "device",
    "options": "format",
    "chunk": "options",
    "timestamp_column": "column",
    "time_column": "column",
    "device_column": "column",
    "delimiter": "separated by",
    "order_by": "field",
    "label_column": "field",
    "range_min": "range",
    "range_max": "range",
    "window_duration": "window",
    "step_duration": "step",
    "step_rows": "step",
    "min_rows": "window",
}


ROWS: Final = "".join(f"{NEW_YEAR + n},{n % 7},{n % 5},{'x' if n % 20 < 10 else 'y'}\n" for n in range(400))
BODY: Final = pb.IngestRequest(chunk=f"timestamp,a,b,l\n{ROWS}".encode())


async def rows_of_a_device() -> AsyncIterator[pb.IngestRequest]:
    yield pb.IngestRequest(options=INGEST)
    yield BODY


@pytest.fixture
async def sweep(service: Any) -> AsyncIterator[RequestSweep]:
    """Over a device of 400 rows, as an operator."""
    with use_context(CallContext(request_id="r", caller=OPERATOR)):
        await service.features.Ingest(rows_of_a_device())
        yield RequestSweep(
            service=pb.DESCRIPTOR.services_by_name["FeatureService"],
            stub=service.features,
            rights=RIGHTS,
            free=FREE,
            said=SAID,
            absent=("GetDataset", "DownloadDataset", "DeleteDataset"),
            body=(BODY,),
            brief=("DownloadFeatures", "CreateDataset", "WatchIngest"),
        )


@pytest.fixture
def meta_sweep(sweep: RequestSweep, service: Any) -> RequestSweep:
    return RequestSweep(
        service=pb.DESCRIPTOR.services_by_name["MetadataService"],
        stub=service.metadata,
        rights=META_RIGHTS,
        free=META_FREE,
        said=SAID,
        brief=("UpdateDevice", "UpdateDataModel"),
        absent=("CreateDevice", "CreateDataModel", "DeleteDevice", "DeleteDataModel"),
    )


async def test_no_edge_of_a_field_is_an_error_of_the_service(sweep: RequestSweep) -> None:
    assert await sweep.faults() == []


async def test_no_edge_of_a_field_of_metadata_is_an_error_of_the_service(meta_sweep: RequestSweep) -> None:
    assert await meta_sweep.faults() == []


async def test_each_bound_holds_and_is_named(sweep: RequestSweep, meta_sweep: RequestSweep) -> None:
    assert await sweep.bound_faults(BOUNDS) == []
    assert await meta_sweep.bound_faults(META_BOUNDS) == []


async def test_every_field_has_a_bound_or_a_reason(sweep: RequestSweep, meta_sweep: RequestSweep) -> None:
    for each, held in ((sweep, BOUNDS), (meta_sweep, META_BOUNDS)):
        assert each.missing_methods() == []
        assert each.unknown_fields(held) == []
