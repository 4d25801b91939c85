"""What fields a body may add: how many, for each makes work for the store and the next body has to wait; and names."""

from collections.abc import Collection
from typing import Final

from feature_service.domain.ingest.unfit_text import is_fit
from penstock_kit.errors import InvalidArgument, Unprocessable

MAX_NEW: Final = 20_000
"""Fields that one body may add to all its devices together."""
MAX_ADDED: Final = 2_000
"""Fields that one body may add to a device that has some already: its stored rows get them too."""
MAX_NAME: Final = 256
"""Characters of a field's name: those that a data model may name."""
MAX_SPARSE_CELLS: Final = 1_000_000
"""Rows times fields of a device in one body of which hardly any has a value: a store keeps a place for each."""
_HARDLY_ANY: Final = 100
"""Places for each value, beyond which a body is sparse: a batch of many measurements has some tens."""
_SHOWN: Final = 60


class NewFields:
    """Counts what one body adds to its devices; raises Unprocessable FIELDS_LIMIT_EXCEEDED when that is too much,
    and InvalidArgument FIELD_NAME_INVALID for a name that no data model can hold."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, device_code: str, stored: Collection[str], brought: Collection[str]) -> None:
        """Take what is stored of a device and what the body brings."""
        names = set(brought).difference(stored)
        _require_names(names)
        new = len(names)
        if stored and new > MAX_ADDED:
            raise _too_many(f"{new} new fields to device {device_code!r}, which has {len(stored)}", MAX_ADDED)
        self._count += new
        if self._count > MAX_NEW:
            raise _too_many(f"more than {MAX_NEW} new fields to its devices", MAX_NEW)


def require_dense(device_code: str, rows: int, fields: int, values: int) -> None:
    """Raise Unprocessable FIELDS_LIMIT_EXCEEDED for nearly empty rows, such as each with a field of its own."""
    if rows * fields > max(MAX_SPARSE_CELLS, _HARDLY_ANY * values):
        raise Unprocessable(
            f"the {rows} points of device {device_code!r} have {fields} fields together and {values} values: nearly "
            "all of the places would be empty; write the values of one time into one line, or send the points in parts",
            reason="FIELDS_LIMIT_EXCEEDED",
        )


def _require_names(names: Collection[str]) -> None:
    for name in names:
        if len(name) > MAX_NAME:
            raise _wrong_name(
                f"field {name[:_SHOWN] + '…'!r} has a name of {len(name)} characters; it must have at most {MAX_NAME}",
                name,
            )
        if not is_fit(name):
            raise _wrong_name(
                f"field {name[:_SHOWN]!r} has a NUL or half a character in its name, which no text can hold",
                name,
            )


def _wrong_name(message: str, name: str) -> InvalidArgument:
    shown = name[:MAX_NAME].encode(errors="replace").decode()
    return InvalidArgument(message, reason="FIELD_NAME_INVALID", metadata={"field": shown})


def _too_many(what: str, most: int) -> Unprocessable:
    return Unprocessable(
        f"the body brings {what}; at most {most} at once are possible, so send it in parts",
        reason="FIELDS_LIMIT_EXCEEDED",
    )
