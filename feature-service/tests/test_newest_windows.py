"""The newest windows of a device: those of the whole range to the bit, also treated as a data set's were."""

import io
import json

import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import FailedPrecondition, InvalidArgument, NotFound, Unprocessable

ROWS = 3_000
START = 1_767_225_600
SOME = ["mean", "std", "slope", "slope_per_second", "skew", "autocorrelation_lag1", "missing_ratio", "median"]


def lines(rows=ROWS, first=0):
    """Rows a second apart, an hour of none in the middle, with readings that are missing now and for long."""
    draw = np.random.default_rng(7)
    for row in range(first, first + rows):
        time = START + row + (3_600 if row > ROWS // 2 else 0)
        x, y = 1e6 + draw.normal(), draw.normal() * 10
        is_missing = draw.random() < 0.2 or ROWS - 400 < row < ROWS - 90
        yield f"{time},{'' if is_missing else x},{y},{'ab'[row // 50 % 2]}"


async def load(service, text):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk="\n".join(["timestamp,x,y,state", *text]).encode())

    await service.features.Ingest(messages())


@pytest.fixture
async def loaded(tmp_path, start_service):
    async with start_service(tmp_path) as service:
        await load(service, lines())
        model = pb.DataModel(model_code="m", label_column="state")
        await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
        yield service


async def extract(service, newest=0, dataset_id="", span=None, **options):
    request = pb.ExtractFeaturesRequest(
        device_code="d",
        newest_windows=newest,
        dataset_id=dataset_id,
        options=pb.ExtractionOptions(**options),
        **(span or {}),
    )
    return await service.features.ExtractFeatures(request)


async def downloaded(service, newest, **options):
    request = pb.ExtractFeaturesRequest(device_code="d", newest_windows=newest, options=pb.ExtractionOptions(**options))
    times, values = [], b""
    async with service.features.DownloadFeatures(pb.DownloadFeaturesRequest(extraction=request)) as messages:
        async for message in messages:
            times += message.piece.timestamps
            values += message.piece.values
    return times, values


def by_row(answer):
    width = 8 * len(answer.feature_names)
    return {time: answer.values[place * width : (place + 1) * width] for place, time in enumerate(answer.timestamps)}


ROW_WINDOWS = {"window_size": 40, "overlap": 0.7}
TIME_WINDOWS = {"window_duration": Duration(seconds=60), "step_duration": Duration(seconds=20), "min_rows": 30}


@pytest.mark.parametrize("windows", [ROW_WINDOWS, TIME_WINDOWS], ids=["by rows", "by time"])
@pytest.mark.parametrize("missing", ["none", "interpolate", "forward_fill", "backward_fill", "mean", "drop"])
async def test_the_newest_windows_are_the_last_of_the_whole_range_to_the_bit(loaded, windows, missing):
    for scaling in ("none", "z_score"):
        options = {**windows, "missing_value_method": missing, "normalize_method": scaling, "features": SOME}
        whole = by_row(await extract(loaded, **options))
        for newest in (1, 7, 90, 10_000):
            few = await extract(loaded, newest=newest, **options)
            assert list(by_row(few).items()) == list(whole.items())[-newest:], (scaling, newest)
            assert few.window_count == min(newest, len(whole))
        assert await downloaded(loaded, 7, **options) == (list(whole)[-7:], b"".join(list(whole.values())[-7:]))


@pytest.mark.parametrize("gap", [None, Duration(seconds=5)], ids=["over gaps", "between gaps"])
async def test_windows_left_out_behind_a_gap_are_looked_for_before_it(loaded, gap):
    more = Timestamp(seconds=START + 2 * ROWS + 36_000)
    await load(loaded, [f"{more.seconds + row},1,2,a" for row in range(25)])
    windows = {**TIME_WINDOWS, "max_gap": gap} if gap else TIME_WINDOWS
    whole = await extract(loaded, **windows, normalize_method="none")
    few = await extract(loaded, newest=3, **windows, normalize_method="none")
    assert list(by_row(few).items()) == list(by_row(whole).items())[-3:]


async def test_a_late_row_changes_the_newest_windows_as_it_changes_the_range(loaded):
    options = {**ROW_WINDOWS, "normalize_method": "none", "missing_value_method": "none"}
    before = await extract(loaded, newest=3, **options)
    assert before == await extract(loaded, newest=3, **options)
    await load(loaded, [f"{START + ROWS - 30 + 3_600}.5,1,2,a"])
    after = await extract(loaded, newest=3, **options)
    assert after.values != before.values
    assert list(by_row(after).items()) == list(by_row(await extract(loaded, **options)).items())[-3:]


@pytest.mark.parametrize("windows", [ROW_WINDOWS, TIME_WINDOWS], ids=["by rows", "by time"])
@pytest.mark.parametrize(
    ("outliers", "missing", "scaling"), [("iqr", "median", "min_max"), ("clip", "none", "z_score")]
)
async def test_new_rows_are_treated_by_what_was_fitted_on_the_training_part_of_a_data_set(
    loaded, windows, outliers, missing, scaling
):
    options = pb.ExtractionOptions(
        **windows,
        outlier_method=outliers,
        missing_value_method=missing,
        normalize_method=scaling,
        features=["mean", "max"],
        fields=["y", "x"],
    )
    made = await loaded.features.CreateDataset(pb.CreateDatasetRequest(model_code="m", options=options))
    built = await arrays(loaded, made.dataset.id)
    manifest = json.loads(made.dataset.manifest_json)
    span = {"start_time": Timestamp(seconds=int(built["start_val"][0].astype("int64")) // 1_000_000)}
    served = await extract(loaded, dataset_id=made.dataset.id, span=span)
    assert list(served.feature_names) == ["y_mean", "y_max", "x_mean", "x_max"]
    assert json.loads(served.fitted_json) == manifest["fitted"]
    known = dict(zip(built["start_val"].astype("int64").tolist(), built["X_val"], strict=True))
    answered = {time: np.frombuffer(values) for time, values in by_row(served).items()}
    assert known
    assert known.keys() <= answered.keys()
    assert all(answered[time].tobytes() == values.tobytes() for time, values in known.items())
    one = await extract(loaded, dataset_id=made.dataset.id, newest=1)
    assert one.values == list(by_row(served).values())[-1]


async def arrays(service, dataset_id):
    content = b""
    async with service.features.DownloadDataset(pb.DownloadDatasetRequest(id=dataset_id)) as messages:
        async for message in messages:
            content += message.chunk
    return np.load(io.BytesIO(content))


async def test_what_can_not_be_asked_for_is_said(loaded):
    made = await loaded.features.CreateDataset(
        pb.CreateDatasetRequest(model_code="m", options=pb.ExtractionOptions(window_size=20))
    )
    with pytest.raises(InvalidArgument, match="window_size is named beside dataset_id") as caught:
        await extract(loaded, dataset_id=made.dataset.id, window_size=20)
    assert caught.value.reason == "DATASET_CONFLICT"
    with pytest.raises(NotFound, match="unknown data set"):
        await extract(loaded, dataset_id="ds_none")
    for number in (-1, 10_001):
        with pytest.raises(InvalidArgument, match="from 1 to 10000"):
            await extract(loaded, newest=number)
    with pytest.raises(Unprocessable, match="only 3000 rows"):
        await extract(loaded, newest=1, window_size=3_001)
    empty = pb.CreateDatasetRequest(model_code="m", device_codes=["d"], detach=True, label_column="state")
    waiting = await loaded.features.CreateDataset(empty)
    with pytest.raises(FailedPrecondition, match="has no manifest"):
        await extract(loaded, dataset_id=waiting.dataset.id)
