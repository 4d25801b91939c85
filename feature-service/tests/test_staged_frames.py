"""Rows wait in memory while they are few, however they are counted."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from feature_service.adapters.body.staged_frames import FrameStage
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey

KEY = SeriesKey(tenant_id="acme", device_code="d")


def rows(*texts: str | None) -> Frame:
    cells = np.empty(len(texts), dtype=np.object_)
    cells[:] = texts
    times = np.arange(len(texts)).astype("datetime64[us]")
    return Frame(timestamps=times, numbers={"a": np.arange(len(texts), dtype=np.float64)}, texts={"note": cells})


def test_long_texts_take_as_much_of_the_memory_as_they_have(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        with FrameStage(tmp_path, in_memory=1_000_000) as stage:
            for number in range(50):
                stage.add(KEY, rows(f"{number}" + "x" * 500_000, None))
            assert tracemalloc.get_traced_memory()[0] < 3_000_000
            found = [frame.texts["note"].tolist() for _, frame in stage.frames()]
    finally:
        tracemalloc.stop()
    assert found == [[f"{number}" + "x" * 500_000, None] for number in range(50)]


@pytest.mark.parametrize("in_memory", [0, 10_000_000])
def test_rows_come_back_as_they_were_wherever_they_waited(tmp_path: Path, in_memory: int) -> None:
    with FrameStage(tmp_path, in_memory=in_memory) as stage:
        stage.add(KEY, rows("good", None, "größer"))
        ((key, frame),) = stage.frames()
    assert (key, frame.texts["note"].tolist()) == (KEY, ["good", None, "größer"])
    assert frame.numbers["a"].tolist() == [0, 1, 2]
