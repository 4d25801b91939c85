"""A data set as a table: what the arrays hold, to the character."""

import csv
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

from feature_service.adapters.dataset.npz_member import open_members
from feature_service.adapters.dataset.table import write_csv, write_parquet

LABELS = ["=1+1", "-1", "+1", "@SUM(A1)", "\t5", "\rx", 'a "b", c']
NAMES = ['=HYPERLINK("x")_mean', "-f_max"]


def test_labels_and_names_that_a_spreadsheet_would_compute_are_kept_in_every_form(tmp_path):
    arrays = {"feature_names": np.array(NAMES)}
    for part in ("train", "val"):
        arrays[f"X_{part}"] = np.arange(2.0 * len(LABELS)).reshape(-1, 2)
        arrays[f"y_{part}"] = np.array(LABELS)
        arrays[f"start_{part}"] = np.arange(len(LABELS)).astype("datetime64[us]")
        arrays[f"device_{part}"] = np.array(["=d"] * len(LABELS))
    np.savez(tmp_path / "data.npz", **arrays)
    write_csv(tmp_path / "data.npz", tmp_path / "data.csv")
    write_parquet(tmp_path / "data.npz", tmp_path / "data.parquet")
    with (tmp_path / "data.csv").open(newline="") as file:
        head, *rows = list(csv.reader(file))
    assert head == ["split", "device_code", "timestamp", "label", *NAMES]
    assert [row[3] for row in rows] == LABELS * 2
    assert {row[1] for row in rows} == {"=d"}
    assert pd.read_parquet(tmp_path / "data.parquet")["label"].tolist() == LABELS * 2


def arrays_of(path, rows=1_000, columns=6):
    random = np.random.default_rng(2)
    arrays = {"feature_names": np.array([f"f{number}_mean" for number in range(columns)])}
    for part, count in (("train", rows), ("val", rows // 4)):
        arrays[f"X_{part}"] = random.normal(size=(count, columns))
        arrays[f"X_{part}"][random.random((count, columns)) < 0.05] = np.nan
        arrays[f"y_{part}"] = random.integers(0, 3, count)
        arrays[f"start_{part}"] = (np.arange(count) * 1_000_001).astype("datetime64[us]")
        arrays[f"device_{part}"] = np.array([f"d{number % 7}" for number in range(count)])
    np.savez(path, **arrays)
    return arrays


def test_rows_written_some_at_a_time_are_those_of_the_whole_table(tmp_path):
    arrays = arrays_of(tmp_path / "data.npz")
    parts = []
    for part in ("train", "val"):
        count = len(arrays[f"y_{part}"])
        columns = {"split": [part] * count, "device_code": arrays[f"device_{part}"].tolist()}
        columns["timestamp"] = pa.array(arrays[f"start_{part}"]).cast(pa.timestamp("us", tz="UTC"))
        columns["label"] = arrays[f"y_{part}"].tolist()
        columns |= dict(zip(arrays["feature_names"].tolist(), arrays[f"X_{part}"].T, strict=True))
        parts.append(pa.table(columns))
    whole = pa.concat_tables(parts)
    pyarrow.csv.write_csv(whole, tmp_path / "whole.csv")
    for block_bytes in (1, 8_000, 10**9):
        write_csv(tmp_path / "data.npz", tmp_path / "data.csv", block_bytes=block_bytes)
        write_parquet(tmp_path / "data.npz", tmp_path / "data.parquet", block_bytes=block_bytes)
        assert (tmp_path / "data.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "data.parquet"), whole.to_pandas())


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_table_is_written_in_memory_that_does_not_grow_with_it(tmp_path, write):
    arrays_of(tmp_path / "data.npz", rows=100_000, columns=40)  # 40 MB of features
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    most = 0

    def note(frame, event, argument):  # the peak of Arrow's own memory, looked at while blocks are made
        nonlocal most
        most = max(most, pa.total_allocated_bytes() - before)

    sys.setprofile(note)
    try:
        write(tmp_path / "data.npz", tmp_path / "table", block_bytes=1_000_000)
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak + most < 12_000_000


def test_rows_are_read_of_arrays_by_row_and_by_column_and_not_of_compressed_ones(tmp_path):
    values = np.arange(20.0).reshape(5, 4)
    np.savez(tmp_path / "data.npz", by_row=values, by_column=np.asfortranarray(values), empty=values[:0])
    members = open_members(tmp_path / "data.npz")
    for name in ("by_row", "by_column"):
        np.testing.assert_array_equal(members[name].rows(1, 3), values[1:3])
        np.testing.assert_array_equal(members[name].whole(), values)
    assert members["empty"].whole().shape == (0, 4)
    np.savez_compressed(tmp_path / "data.npz", X_train=np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"X_train.npy of .* is compressed"):
        open_members(tmp_path / "data.npz")
