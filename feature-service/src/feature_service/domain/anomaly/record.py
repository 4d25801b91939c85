"""Fitted detectors as they are kept, and the port to where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from feature_service.domain.anomaly.detector import Detector

MAX_DETECTORS: Final = 500
"""Sets of detectors a tenant keeps; beyond that the one that was used longest ago goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSet:
    """The detectors that one request fitted, by device. `created` is in microseconds since the epoch."""

    id: str
    model_code: str
    created: int
    detectors: "Mapping[str, Detector]"


class DetectorStore(Protocol):
    """Sets of detectors by tenant and id."""

    async def add(self, tenant_id: str, added: DetectorSet) -> None:
        """Keep the set, and at most MAX_DETECTORS of the tenant."""
        ...

    async def find(self, tenant_id: str, detector_id: str, *, now: int) -> DetectorSet | None:
        """Return the set, used `now`; None when the tenant has none of that id.

        Raises Unprocessable DETECTOR_INVALID for one that another version of Penstock stored.
        """
        ...
