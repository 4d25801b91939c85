"""Which fields a body may bring, and of which kind each is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from feature_service.domain.ingest.timestamp_cell import shown
from feature_service.domain.model.device import MAX_FIELDS
from feature_service.domain.model.series import FieldKind
from penstock_kit.errors import InvalidArgument, Unprocessable

# Names in an error.
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestedField:
    """A field that a body brought: its kind, whether that was guessed from its cells, and its decimal mark."""

    name: str
    kind: FieldKind
    guessed: bool = False
    decimal: str = ""


class FieldSchema:
    """The fields known so far; an open one learns those it meets, a closed one refuses them."""

    def __init__(self, known: Mapping[str, FieldKind], *, is_open: bool) -> None:
        self._known = dict(known)
        self._kinds = dict(known)
        self._guessed: set[str] = set()
        self.is_open = is_open
        self.seen: dict[str, FieldKind] = {}
        self.decimals: dict[str, str] = {}

    def kind(self, field: str) -> FieldKind | None:
        """Return the field's kind, None while it is not decided."""
        return self._kinds.get(field)

    def is_known(self, field: str) -> bool:
        """Return whether the field's kind was decided before this body."""
        return field in self._known

    def learn(self, field: str, kind: FieldKind, *, guessed: bool = False) -> None:
        """Note that the field has values, of this kind."""
        if field not in self._kinds:
            self._require_room(1)
            self._kinds[field] = kind
            if guessed:
                self._guessed.add(field)
        self.seen.setdefault(field, self._kinds[field])

    def fields(self) -> tuple[IngestedField, ...]:
        """Return the fields the body brought, in the order of their first values."""
        return tuple(
            IngestedField(name=name, kind=kind, guessed=name in self._guessed, decimal=self.decimals.get(name, ""))
            for name, kind in self.seen.items()
        )

    def allows(self, field: str) -> bool:
        """Return whether rows may have this field."""
        return self.is_open or field in self._kinds

    def require(self, fields: Iterable[str]) -> None:
        """Raise InvalidArgument FIELD_NOT_FOUND when one of `fields` is not allowed, Unprocessable when they are too
        many."""
        new = [field for field in fields if field not in self._kinds]
        if new and not self.is_open:
            raise InvalidArgument(
                self.refusal(new), reason="FIELD_NOT_FOUND", metadata={"fields": ", ".join(new[:_SHOWN])}
            )
        self._require_room(len(new))

    def _require_room(self, new: int) -> None:
        """Raise Unprocessable FIELDS_LIMIT_EXCEEDED when there would be too many fields with `new` more."""
        if len(self._kinds) + new > MAX_FIELDS:
            raise Unprocessable(
                f"the body brings {new} new fields to {len(self._kinds)}; a device has at most {MAX_FIELDS}, "
                "so give each kind of thing a device of its own",
                reason="FIELDS_LIMIT_EXCEEDED",
            )

    def refusal(self, unknown: Iterable[str]) -> str:
        """Return the sentence that says why `unknown` are refused and what would be right."""
        named = _some(repr(field) for field in unknown)
        return f"unknown field {named}; the device has: {_some(self._kinds)} (create=true registers new fields)"

    def conflict(self, field: str, column: Sequence[Any]) -> InvalidArgument:
        """Return the error about a number field most of whose values in this body are texts."""
        texts = [cell for cell in column if isinstance(cell, str) and cell.strip()]
        example = next(filter(_is_text, texts), "")
        quoted = "" if example else " (a number stands without quotes)"
        told = f"texts such as {shown(example or ''.join(texts[:1]))}{quoted}"
        return InvalidArgument(
            f"field {field!r} holds numbers, most of its values in this body are {told}; "
            "correct them, give the field another name, or say partial=true to store the rows that can be read",
            reason="FIELD_TYPE_CONFLICT",
            metadata={"field": field},
        )


def _some(names: Iterable[str]) -> str:
    """Return the first of the names as a text, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _is_text(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return True
    return False
