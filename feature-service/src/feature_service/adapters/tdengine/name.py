"""The names of tables and columns: made of what they stand for, but never it, so that no text becomes part of a name.

A name has what of the text are small letters and digits, for people who look at the tables with other tools, and a
hash of all of it, which makes it the only one. Every service gets the same name without asking another.
"""

import re
from base64 import b32encode
from hashlib import sha256
from typing import Final

from feature_service.domain.model.series import SeriesKey

TIME: Final = "ts"
PRESENT: Final = "present"
"""A column that every row has, as one without any value is a row as well."""
FIELDS: Final = "penstock_fields"
SERIES: Final = "penstock_series"
"""The super tables whose tags say what the names of columns and tables stand for."""

_ODD: Final = re.compile(r"[^a-z0-9]+")
_READABLE: Final = 24


def column_of(field: str) -> str:
    """Return the name of the field's column, in each series that has it."""
    return f"f_{_readable(field)}_{_hash(field)}"


def table_of(key: SeriesKey) -> str:
    """Return the name of the series' table."""
    text = f"{len(key.tenant_id)}:{key.tenant_id}{key.device_code}"
    return f"s_{_readable(key.device_code)}_{_hash(text)}"


def _readable(text: str) -> str:
    return _ODD.sub("_", text.lower()).strip("_")[:_READABLE].strip("_") or "x"


def _hash(text: str) -> str:
    digest = sha256(text.encode("utf-8", "surrogatepass")).digest()[:15]
    return b32encode(digest).decode().lower()
