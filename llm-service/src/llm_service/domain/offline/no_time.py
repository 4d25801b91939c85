"""What stands for the time of a question whose words need none, and says so when a rule asks for it after all."""

from typing import Final, NoReturn


class TimeNeeded(Exception):  # noqa: N818 - it says what a question depends on, it is no error
    """The words of a question mean something else at another time."""


class NoTime:
    """A time of which nothing can be read: whatever a rule asks of it raises :class:`TimeNeeded`."""

    __slots__ = ()

    def _refuse(self, *_: object) -> NoReturn:
        raise TimeNeeded

    __getattr__ = __add__ = __radd__ = __sub__ = __rsub__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse  # pyright: ignore[reportAssignmentType]
    __hash__ = __str__ = __repr__ = __format__ = _refuse  # pyright: ignore[reportAssignmentType]


NO_TIME: Final = NoTime()
