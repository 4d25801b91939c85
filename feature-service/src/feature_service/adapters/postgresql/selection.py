"""What a statement that gives rows fetches: numbers as columns, or as the array they are stored as, and texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame

MOST_COLUMNS: Final = 500
"""Fields that one statement gives as columns; PostgreSQL has 1,664."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The fields behind the time that a SELECT gives: first the numbers, whose bytes lie at fixed places, then texts.

    `fields` are those of the frame. With `places` the numbers come as one array, in which they lie there.
    """

    numbers: Sequence[str]
    texts: Sequence[str]
    fields: Sequence[str]
    places: Mapping[str, int] | None = None

    @property
    def fetched(self) -> Sequence[str]:
        """The fields in the order in which they are fetched."""
        return [*self.numbers, *self.texts]

    @property
    def names(self) -> Sequence[str]:
        """The fields in the order in which they were asked for, those too that no row has."""
        return list(dict.fromkeys((*self.fields, *self.numbers)))

    def fits(self, most: int = MOST_COLUMNS) -> bool:
        """Return whether one statement, of at most `most` columns, may give it."""
        return self.places is not None or len(self.numbers) + len(self.texts) <= most

    def parts(self, always: int, most: int = MOST_COLUMNS) -> "Iterator[Selection]":
        """Yield selections of at most `most` fields each, which all begin with the first `always` numbers."""
        kept, rest = self.numbers[:always], self.numbers[always:]
        fetched = set(self.fetched)
        unknown = [name for name in self.fields if name not in fetched]
        for start in range(0, len(rest), most):
            numbers = [*kept, *rest[start : start + most]]
            yield replace(self, numbers=numbers, texts=(), fields=[*numbers, *unknown])
        for start in range(0, len(self.texts), most):
            texts = self.texts[start : start + most]
            yield replace(self, numbers=kept, texts=texts, fields=[*kept, *texts, *unknown])

    def joined(self, frames: "Sequence[Frame]") -> "Frame":
        """Return the same rows with the fields of all `frames`."""
        numbers = {name: column for frame in frames for name, column in frame.numbers.items()}
        texts = {name: column for frame in frames for name, column in frame.texts.items()}
        ordered = {name: numbers[name] for name in self.names if name in numbers}
        return replace(frames[0], numbers=ordered, texts={name: texts[name] for name in self.names if name in texts})


def select(fields: Sequence[str], kinds: Mapping[str, FieldKind]) -> Selection:
    """Return the selection of those fields that have a kind, as columns."""
    known = [name for name in dict.fromkeys(fields) if name in kinds]
    return Selection(
        numbers=[name for name in known if kinds[name] is FieldKind.NUMBER],
        texts=[name for name in known if kinds[name] is FieldKind.TEXT],
        fields=fields,
    )
