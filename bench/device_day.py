"""A day of one device over HTTP: the features of its windows, from the request's first byte to the answer's last."""

import json
import time
from http.client import HTTPConnection
from typing import Final

from bench.feature import DAY, ROWS, SEVENTEEN, WINDOW
from bench.measure import Figure, Report, percentile
from penstock_testkit.system import RunningSystem

_DAYS: Final = ROWS // DAY
_WARM_UP: Final = 15
_ASKED: Final = 60


def device_days(report: Report, running: RunningSystem, device_code: str) -> None:
    """The device's days in turn, whose rows are those of `bench.feature.made_up`; no answer is one that was kept."""
    connection = HTTPConnection("127.0.0.1", running.ports["PENSTOCK_HTTP_PORT"], timeout=60)
    for form, goals in (("json", ("≤ 30 ms", "≤ 60 ms")), ("arrow", ("", ""))):
        taken = [_asked(connection, running.key, device_code, form, number) for number in range(_WARM_UP + _ASKED)]
        for share, goal in zip((0.5, 0.95), goals, strict=True):
            name = f"one device-day to {len(SEVENTEEN)} features as {form}, p{100 * share:.0f}"
            value = percentile(taken[_WARM_UP:], share)
            report.figures.append(Figure(name=name, value=value, unit="ms", goal=goal))
    connection.close()


def _asked(connection: HTTPConnection, key: str, device_code: str, form: str, number: int) -> float:
    """Milliseconds of one answer, which must be a success."""
    first = 1 + number % _DAYS
    body = {
        "device_code": device_code,
        "start_time": f"1970-01-{first:02d}T00:00:00Z",
        "end_time": f"1970-01-{first + 1:02d}T00:00:00Z",
        "window_size": WINDOW.size,
        "overlap": WINDOW.overlap,
        "features": SEVENTEEN,
    }
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    begun = time.perf_counter()
    connection.request("POST", f"/api/v2/ai/features/extract?format={form}", body=json.dumps(body), headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"a device-day was answered {answer.status}: {text[:500]!r}")
    return 1e3 * (time.perf_counter() - begun)
