"""What the load needs of a system: who signs in, and data to ask for. What is there stays."""

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from penstock_client import NotFoundError, Penstock

MODEL: Final = "welding_realtime"
DEVICES: Final = ("LOAD-WLD1", "LOAD-WLD2", "LOAD-WLD3", "LOAD-WLD4")
EXTRACTED: Final = "WLD001"
ROWS: Final = 3600
_MINUTES: Final = 10
_BATCH: Final = 1200
_ANSWER_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running system: its URL and home, and the body of an extraction there."""

    url: str
    home: Path
    extraction: dict[str, Any]

    @property
    def password(self) -> str:
        """The password of `admin`."""
        return (self.home / "admin.password").read_text().strip()


def what_is_missing(url: str, home: Path) -> str:
    """Return what to start before a load can come, empty when a system runs there."""
    start = 'start one with `penstock up --detach`, or name yours with ARGS="--home FOLDER --url URL"'
    if not (home / "admin.key").exists() or not (home / "penstock.json").exists():
        return f"no system runs on the home {home}: {start}"
    try:
        urllib.request.urlopen(f"{url}/health", timeout=_ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        return f"no system answers at {url} ({getattr(error, 'reason', error)}): {start}"
    return ""


def prepare(url: str, home: Path) -> Place:
    """Return the system with the model `welding_realtime`, its machines, and WLD001 with rows."""
    with Penstock(url, api_key=(home / "admin.key").read_text().strip()) as penstock:
        try:
            penstock.data_models.get(MODEL)
        except NotFoundError:
            penstock.data_models.create(model_code=MODEL, name="Welding, live", device_type="welding_machine")
        for device in DEVICES:
            _fill(penstock, device, MODEL)
        try:
            penstock.devices.get(EXTRACTED)
        except NotFoundError:
            _fill(penstock, EXTRACTED, MODEL)
        device = penstock.devices.get(EXTRACTED)
        end = datetime.fromisoformat(str(device["last_seen_time"]))
        extraction = {
            "device_code": EXTRACTED,
            "model_code": device["model_code"],
            "start_time": (end - timedelta(minutes=_MINUTES)).isoformat(),
            "end_time": end.isoformat(),
        }
    return Place(url=url, home=home, extraction=extraction)


def _fill(penstock: Penstock, device: str, model: str) -> None:
    """Give a machine an hour of rows, unless it has some."""
    try:
        if penstock.devices.get(device).get("last_seen_time"):
            return
    except NotFoundError:
        pass
    rows = list(_rows())
    for at in range(0, len(rows), _BATCH):
        penstock.data.write(device, rows[at : at + _BATCH], model_code=model, create=True)


def _rows() -> Iterator[dict[str, Any]]:
    end = datetime.now(UTC).replace(microsecond=0)
    for second in range(ROWS):
        moment = end - timedelta(seconds=ROWS - second)
        yield {
            "timestamp": moment.isoformat(),
            "current": 180 + second % 17,
            "voltage": 24 + second % 5 / 10,
            "wire_speed": 8 + second % 3 / 10,
            "quality": "good" if second % 97 else "porosity",
        }
