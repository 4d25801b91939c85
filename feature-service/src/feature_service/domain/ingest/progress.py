"""How far a body is that is being taken in."""

from dataclasses import dataclass
from enum import StrEnum


class IngestStage(StrEnum):
    """What is being done with a body: it arrives, it is read and checked, its rows are stored."""

    RECEIVING = "receiving"
    READING = "reading"
    STORING = "storing"


@dataclass(slots=True, kw_only=True)
class IngestProgress:
    """Written by what takes a body in, read by whoever is told; counts are of what was done so far."""

    stage: IngestStage = IngestStage.RECEIVING
    received_bytes: int = 0
    rows_accepted: int = 0
    rows_rejected: int = 0
