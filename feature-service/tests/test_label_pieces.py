"""Labels of many rows are looked at some at a time, so that others are answered meanwhile."""

import numpy as np
import pytest

from feature_service.domain.dataset import row_table
from feature_service.domain.dataset.label import NO_LABEL, classes_of, codes_of
from feature_service.domain.dataset.row_table import RowTable
from penstock_testkit.contracts.telemetry_rows import frame_of

MOST_AT_ONCE = 10_000


class Column:
    """A column of labels that notes how many of them are taken at once."""

    def __init__(self, labels):
        self._labels = labels
        self.taken = []

    def __len__(self):
        return len(self._labels)

    def __getitem__(self, inside):
        piece = self._labels[inside]
        self.taken.append(len(piece))
        return piece


@pytest.mark.parametrize("names", [["b", "a", None], [2.0, 1.0, np.nan]], ids=["texts", "numbers"])
def test_labels_are_counted_and_numbered_some_at_a_time(names):
    kind = np.object_ if isinstance(names[0], str) else np.float64
    column = Column(np.array(names, dtype=kind)[np.arange(25_001) % 3])
    classes = classes_of([column])
    assert classes.labels == tuple(sorted(names[:2]))
    assert codes_of(column, classes).tolist() == ([1, 0, NO_LABEL] * 8_334)[:25_001]
    assert max(column.taken) <= MOST_AT_ONCE
    assert sum(column.taken) == 2 * 25_001


def test_labels_of_a_block_are_taken_some_at_a_time_in_their_order(monkeypatch):
    labels = ["b", None, "a", "a", "c", None, "b"]
    interned = []
    intern = RowTable._interned
    monkeypatch.setattr(row_table, "_TEXTS_AT_ONCE", 3)
    monkeypatch.setattr(RowTable, "_interned", lambda table, texts: interned.append(len(texts)) or intern(table, texts))
    table = RowTable(["a"], "label", {"d": 10}, None)
    table.add("d", frame_of(range(7), {"label": labels}, a=np.arange(7.0)))
    table.add("d", frame_of([7, 8], {"label": ["c", None]}, a=[7.0, 8.0]))
    assert table.device("d").labels.tolist() == [*labels, "c", None]
    assert interned == [3, 3, 1, 2]
