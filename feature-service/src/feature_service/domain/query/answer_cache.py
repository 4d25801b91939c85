"""Answers that are asked for again before anything was written to the series that they are about."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, NamedTuple, TypeVar

from feature_service.domain.model.series import SeriesKey

Answer = TypeVar("Answer")

_MOST_ANSWERS: Final = 64
_LARGEST_BYTES: Final = 256 * 1024
_MOST_BYTES: Final = 4 * 1024 * 1024


class _Kept(NamedTuple):
    version: int
    answer: Any
    size: int


class AnswerCache:
    """The last answers about one series each, good until that series is written to.

    `version` is :meth:`TelemetryStore.version`: nothing is kept of a series whose changes the store can't tell. The
    answer that was used longest ago goes where there are too many, or `most_bytes` of them; large ones are not kept.
    """

    def __init__(
        self,
        version: Callable[[SeriesKey], int | None],
        *,
        most_answers: int = _MOST_ANSWERS,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._version = version
        self._most_answers = most_answers
        self._most_bytes = most_bytes
        self._kept: dict[tuple[SeriesKey, Hashable], _Kept] = {}
        self._bytes = 0

    async def get_or_make(
        self, key: SeriesKey, question: Hashable, make: Callable[[], Awaitable[tuple[Answer, int]]]
    ) -> Answer:
        """Return the answer to `question` about the rows of `key`: the kept one, or what `make` returns with its size.

        Everything that an answer depends on but the rows is in its question.
        """
        # From before the rows are read: what is written meanwhile ends this answer, too.
        version, name = self._version(key), (key, question)
        if version is None:
            return (await make())[0]
        kept = self._take(name)
        if kept is None or kept.version != version:
            kept = _Kept(version, *await make())
        self._keep(name, kept)
        return kept.answer

    def _take(self, name: tuple[SeriesKey, Hashable]) -> _Kept | None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._bytes -= kept.size
        return kept

    def _keep(self, name: tuple[SeriesKey, Hashable], kept: _Kept) -> None:
        if kept.size > _LARGEST_BYTES:
            return
        self._take(name)  # another caller may have made it meanwhile
        self._kept[name] = kept
        self._bytes += kept.size
        while len(self._kept) > self._most_answers or self._bytes > self._most_bytes:
            self._take(next(iter(self._kept)))
