"""Reads Thrift's compact protocol, in which Parquet writes its footer and the headers of its pages."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_DEEPEST: Final = 16
_LONG_LIST: Final = 15
# Others read 16 bits of a larger number, and so another field than we would.
_LAST_FIELD: Final = 0x7FFF
# Fields and elements that are looked at, a microsecond each: a footer of 8 MB has some 2 M of them.
_MOST_VALUES: Final = 3_000_000
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(13)


class Compact:
    """Reads structs of Thrift's compact protocol; what is not looked for is passed over.

    Every method raises ValueError where the bytes are no such thing.
    """

    def __init__(self, data: bytes, *, most_values: int = _MOST_VALUES) -> None:
        self._data = data
        self._left = most_values
        self.at = 0

    def numbers(self) -> dict[int, int]:
        """Return the whole numbers of the struct, by the number of their field."""
        found: dict[int, int] = {}
        for field, kind in self._fields():
            if kind in (_I16, _I32, _I64):
                found[field] = self._signed()
            else:
                self._skip(kind, 0)
        return found

    def skip(self) -> None:
        """Pass over the struct."""
        for _, kind in self._fields():
            self._skip(kind, 0)

    def struct_in(self, wanted: int, read: Callable[[], Any]) -> Any:
        """Return what `read` makes of the struct in the field `wanted`, None where there is none."""
        return self._parts({wanted: read}, _STRUCT).get(wanted)

    def lists(self, wanted: Mapping[int, Callable[[], Any]]) -> dict[int, list[Any]]:
        """Return what the callables make of the structs of lists, by the number of their field."""
        return self._parts(wanted, _LIST)

    def _parts(self, wanted: Mapping[int, Callable[[], Any]], wanted_kind: int) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for field, kind in self._fields():
            read = wanted.get(field)
            if read is None:
                self._skip(kind, 0)
            elif kind != wanted_kind:
                raise ValueError("a field is not of the kind it must be")
            else:
                found[field] = read() if kind == _STRUCT else [read() for _ in range(self._structs())]
        return found

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Yield number and kind of each field of a struct; the value is to be read, or passed over, meanwhile."""
        field = 0
        while (head := self._byte()) != _STOP:
            field = field + (head >> 4) if head >> 4 else self._signed()
            if not 0 < field <= _LAST_FIELD:
                raise ValueError("a field has a number that none has")
            self._count()
            yield field, head & 0x0F

    def _structs(self) -> int:
        """Return how many structs the list has that begins here."""
        head = self._byte()
        count = head >> 4 if head >> 4 != _LONG_LIST else self._unsigned()
        if count and head & 0x0F != _STRUCT:
            raise ValueError("a list has no structs")
        self._require(count)
        return count

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("a struct has more values than are read")

    def _skip(self, kind: int, depth: int) -> None:
        self._count()
        if depth > _DEEPEST:
            raise ValueError("a struct is nested too deeply")
        match kind:
            case 1 | 2:
                pass
            case 3:
                self._byte()
            case 4 | 5 | 6:
                self._unsigned()
            case 7:
                self._pass(8)
            case 8:
                self._pass(self._unsigned())
            case 9 | 10:
                head = self._byte()
                count = head >> 4 if head >> 4 != _LONG_LIST else self._unsigned()
                self._require(count)
                for _ in range(count):
                    self._skip_element(head & 0x0F, depth)
            case 12:
                while (head := self._byte()) != _STOP:
                    if not head >> 4:
                        self._signed()
                    self._skip(head & 0x0F, depth + 1)
            case _:
                raise ValueError("a field is of no kind")

    def _skip_element(self, kind: int, depth: int) -> None:
        if kind in (_TRUE, _FALSE):
            self._count()
            self._byte()
        else:
            self._skip(kind, depth + 1)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise ValueError("a struct does not end")
        self.at += 1
        return self._data[self.at - 1]

    def _pass(self, count: int) -> None:
        self._require(count)
        self.at += count

    def _require(self, count: int) -> None:
        if count > len(self._data) - self.at:
            raise ValueError("a struct does not end")

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                return value

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
