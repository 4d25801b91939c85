"""The envelope of ``/api/v2``: ``{"success": true, "data": …, "execution_time": ms}``."""

import time
from typing import Any

from gateway.http.json import JsonResponse


class Stopwatch:
    """Measures how long an answer took to make, from its construction on."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def envelope(self, data: Any, status_code: int = 200) -> JsonResponse:
        """Return `data` in the envelope; `execution_time` is in milliseconds."""
        milliseconds = round((time.perf_counter() - self._begun) * 1000, 3)
        return JsonResponse({"success": True, "data": data, "execution_time": milliseconds}, status_code)
