"""Reasons of feature-service about anomalies."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

ANOMALY: Final = Section(
    title="Anomalies",
    rows=(
        Row(
            "BASELINE_INVALID",
            (ErrorKind.INVALID_ARGUMENT, ErrorKind.UNPROCESSABLE),
            "a baseline with too few or too many rows, or none beside a detector",
            "the message says how many are needed",
        ),
        Row(
            "DETECTOR_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such detector; a tenant keeps the 500 used last",
            "detect without `detector_id`, which fits one",
        ),
        Row(
            "DETECTOR_INVALID",
            (ErrorKind.INVALID_ARGUMENT, ErrorKind.UNPROCESSABLE),
            "a detector of another version, or options beside `detector_id` that were settled when it was fitted",
            "leave those out, or fit a new one",
        ),
        Row(
            "DEVICES_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "no device, too many, or one that the detector was not fitted for",
            "the message says which would be right",
        ),
        Row(
            "ANOMALIES_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "more fields or rows than are scored at once",
            "the message names the bounds",
        ),
    ),
)
