"""A data set as a table: what the arrays hold, to the character."""

import csv

import numpy as np
import pandas as pd

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
