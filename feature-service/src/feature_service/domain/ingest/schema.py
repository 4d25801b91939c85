"""Which fields a body may bring, and of which kind each is."""

from collections.abc import Iterable, Mapping

from feature_service.domain.telemetry import FieldKind
from penstock_kit.errors import InvalidArgument


class FieldSchema:
    """The fields known so far; an open one learns those it meets, a closed one refuses them."""

    def __init__(self, known: Mapping[str, FieldKind], *, is_open: bool) -> None:
        self._kinds = dict(known)
        self.is_open = is_open
        self.seen: dict[str, FieldKind] = {}

    def kind(self, field: str) -> FieldKind | None:
        """Return the field's kind, None while it is not decided."""
        return self._kinds.get(field)

    def learn(self, field: str, kind: FieldKind) -> None:
        """Note that the field has values, of this kind."""
        self._kinds.setdefault(field, kind)
        self.seen.setdefault(field, self._kinds[field])

    def allows(self, field: str) -> bool:
        """Return whether rows may have this field."""
        return self.is_open or field in self._kinds

    def require(self, fields: Iterable[str]) -> None:
        """Raise InvalidArgument UNKNOWN_FIELD when one of `fields` is not allowed."""
        unknown = [field for field in fields if not self.allows(field)]
        if unknown:
            raise InvalidArgument(
                self.refusal(unknown), reason="UNKNOWN_FIELD", metadata={"fields": ", ".join(unknown)}
            )

    def refusal(self, unknown: Iterable[str]) -> str:
        """Return the sentence that says why `unknown` are refused and what would be right."""
        named = ", ".join(repr(field) for field in unknown)
        return f"unknown field {named}; the device has: {', '.join(self._kinds)} (create=true registers new fields)"
