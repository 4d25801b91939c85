"""Sets of detectors as JSON text and the bytes of an .npz file, which is read without pickle."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from feature_service.domain.anomaly.detector import Detector
from feature_service.domain.anomaly.detector_state import detector_arrays, detector_from_state, detector_head


def detectors_to_bytes(detectors: Mapping[str, Detector]) -> tuple[str, bytes]:
    """Return the heads of the detectors by device as JSON, and their arrays."""
    heads = {code: detector_head(detector) for code, detector in detectors.items()}
    arrays: dict[str, Any] = {}
    for index, detector in enumerate(detectors.values()):
        arrays |= {f"{index}.{name}": values for name, values in detector_arrays(detector).items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return orjson.dumps(heads).decode(), file.getvalue()


def detectors_from_bytes(heads: str, content: bytes) -> dict[str, Detector]:
    """Return what :func:`detectors_to_bytes` was given."""
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        arrays = {name: loaded[name] for name in loaded.files}
    found: dict[str, Detector] = {}
    for index, (code, head) in enumerate(orjson.loads(heads).items()):
        prefix = f"{index}."
        own = {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
        found[code] = detector_from_state(head, own)
    return found
