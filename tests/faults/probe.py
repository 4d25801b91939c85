"""A process that does nothing but ask now and then and time the answers, before all others where it may.

Whoever asks for twice what a machine carries keeps it busy too: he is woken late, and what he measures has that in it.
``python -m tests.faults.probe URL KEY BODY SECONDS`` prints what came of its questions as JSON.
"""

import http.client
import json
import os
import sys
import time
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

# Seconds between an answer and the next question.
_PAUSE: Final = 0.005
# Seconds after which an answer is waited for no longer.
_LONGEST: Final = 30.0
# By how much it goes before others, where it may.
_PRIORITY: Final = -15


def probe(url: str, key: str, body: str, seconds: float) -> dict[str, list[float]]:
    """Return the times of answers (`answered`) and refusals (`refused`), and by how much a sleep was too long (`late`).

    All in seconds. RuntimeError for a status that is neither 200 nor 429 nor 503.
    """
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=_LONGEST)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    seen: dict[str, list[float]] = {"answered": [], "refused": [], "late": []}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        connection.request("POST", place.path, body, headers)
        answer = connection.getresponse()
        answer.read()
        took = time.monotonic() - begun
        if answer.status not in {200, 429, 503}:
            raise RuntimeError(f"status {answer.status}")
        seen["answered" if answer.status == http.client.OK else "refused"].append(took)
        asleep = time.monotonic()
        time.sleep(_PAUSE)
        seen["late"].append(time.monotonic() - asleep - _PAUSE)
    connection.close()
    return seen


if __name__ == "__main__":
    with suppress(OSError):
        os.nice(_PRIORITY)
    print(json.dumps(probe(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))))
