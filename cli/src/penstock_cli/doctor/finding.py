"""What a check found."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Need(StrEnum):
    """How much depends on it: without a `REQUIRED` one Penstock does not start."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: `detail` says what is there, `remedy` what to do when it is not `ok`."""

    need: Need
    name: str
    ok: bool
    detail: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON's own types."""
        return asdict(self)
