"""Reads typed fields of a JSON object; every error names the path of its field."""

from typing import Any, Final, NoReturn, cast

from penstock_kit.errors import FieldViolation, InvalidArgument

JsonObject = dict[str, Any]
# Up to here every whole number is a float of its own; a longer one is read as its neighbour.
_EXACT: Final = 2**53


def reject_field(field: str, description: str) -> NoReturn:
    """Raise InvalidArgument (REQUEST_INVALID) for one field of the request."""
    violation = FieldViolation(field=field, description=description)
    raise InvalidArgument(f"{field}: {description}", reason="REQUEST_INVALID", violations=[violation])


class Fields:
    """Reads the fields of one JSON object; null counts as absent. Each method raises InvalidArgument (REQUEST_INVALID)
    for a field of another type.
    """

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, dict):
            reject_field(path or "body", f"must be an object, not {_kind(value)}")
        self._values: JsonObject = {
            name: entry for name, entry in cast("JsonObject", value).items() if entry is not None
        }
        self.path = path

    def rest(self) -> JsonObject:
        """Return the fields that were not taken."""
        return self._values

    def at(self, name: str) -> str:
        """Return the path of the field `name`, for an error message."""
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str) -> Any:
        """Take a field of any type; None when absent."""
        return self._values.pop(name, None)

    def text(self, name: str, default: str = "", *, most: int | None = None) -> str:
        """Take a string, of at most `most` characters."""
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, str):
            reject_field(self.at(name), f"must be a string, not {_kind(value)}")
        if most is not None and len(value) > most:
            reject_field(self.at(name), f"must have at most {most} characters, not {len(value)}")
        return value

    def required(self, name: str) -> str:
        """Take a string that must be there."""
        value = self.take(name)
        if not isinstance(value, str):
            reject_field(self.at(name), "is required and must be a string")
        return value

    def flag(self, name: str) -> bool | None:
        """Take a boolean."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            reject_field(self.at(name), f"must be true or false, not {_kind(value)}")
        return value

    def number(self, name: str, *, least: float | None = None, most: float | None = None) -> float | None:
        """Take a number, at least `least` and at most `most`."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            reject_field(self.at(name), f"must be a number, not {_kind(value)}")
        self._bounded(name, value, least, most)
        return float(value)

    def integer(self, name: str, *, least: int = -(2**31), most: int = 2**31 - 1) -> int | None:
        """Take a whole number; 3.0 counts as 3, and what is too large to be exact with a fraction is refused."""
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            if abs(value) > _EXACT:
                reject_field(self.at(name), f"must be a whole number of at most 64 bits, not {value}")
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            reject_field(self.at(name), f"must be a whole number, not {_kind(value)}")
        self._bounded(name, value, least, most)
        return value

    def items(self, name: str) -> list[Any]:
        """Take an array; empty when absent."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            reject_field(self.at(name), f"must be an array, not {_kind(value)}")
        return cast("list[Any]", value)

    def texts(self, name: str) -> list[str]:
        """Take an array of strings, or one string as an array of one."""
        value = self.take(name)
        if isinstance(value, str):
            return [value]
        self._values[name] = value
        if value is None:
            del self._values[name]
        items = self.items(name)
        for index, item in enumerate(items):
            if not isinstance(item, str):
                reject_field(f"{self.at(name)}[{index}]", f"must be a string, not {_kind(item)}")
        return items

    def inner(self, name: str) -> "Fields":
        """Take an object; empty when absent."""
        value = self.take(name)
        return Fields({} if value is None else value, self.at(name))

    def choice(self, name: str, options: tuple[str, ...], default: str = "") -> str:
        """Take one of `options`."""
        value = self.text(name, default)
        if value != default and value not in options:
            reject_field(self.at(name), f"must be one of {', '.join(options)}, not {value!r}")
        return value

    def _bounded(self, name: str, value: float, least: float | None, most: float | None) -> None:
        if least is not None and value < least:
            reject_field(self.at(name), f"must be at least {least}, not {value}")
        if most is not None and value > most:
            reject_field(self.at(name), f"must be at most {most}, not {value}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
