"""The good rows of one body, put aside until all of it was read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feature_service.domain.ingest.plan import FrameStage
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.series import FieldKind, SeriesKey

if TYPE_CHECKING:
    from feature_service.domain.ingest.block import RowBlock
    from feature_service.domain.model.frame import Frame


@dataclass(slots=True, kw_only=True)
class SeriesRows:
    """What a body has of one series: rows as given, their first and last time (microseconds), and their fields."""

    first: int
    last: int
    rows: int = 0
    kinds: dict[str, FieldKind] = field(default_factory=dict[str, FieldKind])


class RowStaging:
    """Takes the blocks of a body, splits them by device, merges rows of one time, and puts them aside.

    `accepted` counts the rows as given, `merges` those that overwrote an earlier one.
    """

    def __init__(self, *, stage: FrameStage, tenant_id: str, device_code: str) -> None:
        from feature_service.domain.ingest.merge import MergeCount

        self._stage = stage
        self._tenant_id = tenant_id
        self._device_code = device_code
        self.merges: MergeCount = MergeCount()
        self.accepted = 0
        self.seen: dict[SeriesKey, SeriesRows] = {}

    def take(self, blocks: "Iterator[RowBlock]", schema: FieldSchema) -> bool:
        """Read the next block and put it aside; return whether there was one."""
        block = next(blocks, None)
        if block is None:
            return False
        if len(block):
            for code, frame in _by_device(block, self._device_code):
                self.put_aside(code, frame, schema.seen if block.devices is None else None)
        return True

    def put_aside(self, code: str, frame: "Frame", kinds: "Mapping[str, FieldKind] | None" = None) -> None:
        """Take the rows of one device; `kinds` are their fields, None for those of the frame."""
        self.accepted += len(frame)
        key = SeriesKey(tenant_id=self._tenant_id, device_code=code)
        self._put_aside(key, frame, _kinds(frame) if kinds is None else kinds)

    def _put_aside(self, key: SeriesKey, frame: "Frame", kinds: Mapping[str, FieldKind]) -> None:
        from feature_service.domain.ingest.merge import merged

        rows = merged(frame)
        first, last = rows.timestamps[[0, -1]].astype("int64").tolist()
        seen = self.seen.setdefault(key, SeriesRows(first=first, last=last))
        seen.first, seen.last = min(seen.first, first), max(seen.last, last)
        seen.rows += len(frame)
        seen.kinds.update(kinds)
        self.merges.add(key, len(frame), rows.timestamps)
        self._stage.add(key, rows)


def _by_device(block: "RowBlock", code: str) -> "Iterator[tuple[str, Frame]]":
    if block.devices is None:
        yield code, block.frame
        return
    import numpy as np

    places: dict[str, int] = {}
    where = np.array([places.setdefault(code, len(places)) for code in block.devices.tolist()])
    for each in sorted(places):
        yield each, _present(block.frame.where(where == places[each]))


def _present(frame: "Frame") -> "Frame":
    """The frame without fields of which it has no value: other devices of the body have those."""
    import numpy as np

    from feature_service.domain.model.frame import Frame

    return Frame(
        timestamps=frame.timestamps,
        numbers={name: values for name, values in frame.numbers.items() if not np.isnan(values).all()},
        texts={name: values for name, values in frame.texts.items() if any(value is not None for value in values)},
    )


def _kinds(frame: "Frame") -> dict[str, FieldKind]:
    return dict.fromkeys(frame.numbers, FieldKind.NUMBER) | dict.fromkeys(frame.texts, FieldKind.TEXT)
