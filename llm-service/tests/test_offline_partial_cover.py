"""Where a range has readings of a part alone, the answer says from when, or up to when."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
DAY = "2026-11-29"
KEYS = {
    "list_devices": ["search"],
    "device_statistics": ["device_code", "other_device_codes", "fields", "start_time", "end_time", "integrals"],
}


def talk_about(rows: dict[str, tuple[str, str] | None], shop_talk: Callable[..., Any]) -> Any:
    """Devices with the times of the first and the last row of whatever range is asked for; None: not told."""

    def one(code: str, arguments: dict[str, Any]) -> dict[str, Any]:
        field = {"field": "current", "count": 90, "mean": 120.0, "min": 1.0, "max": 200.0, "unit": "A"}
        told = {"device_code": code, "row_count": 90, "statistics": [field]}
        told |= {name: arguments.get(name) for name in ("start_time", "end_time")}
        if (seen := rows[code]) is not None:
            told |= {"first_row_time": seen[0], "last_row_time": seen[1]}
        return told

    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            return {"devices": [{"device_code": code, "fields": ["current"]} for code in rows]}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        found = [one(code, arguments) for code in codes]
        return {"devices": found} if len(found) > 1 else found[0]

    return shop_talk(NOW, KEYS, answer)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("21:01:15", "23:59:59", "The readings of WLD001 begin at 2026-11-29 21:01 UTC"),
        ("00:00:00", "20:30:00", "The readings of WLD001 end at 2026-11-29 20:30 UTC"),
        ("03:00:00", "20:30:00", "The readings of WLD001 begin at 2026-11-29 03:00 and end at 2026-11-29 20:30 UTC"),
        ("08:00:00", "08:00:01", "begin at 2026-11-29 08:00 and end at 2026-11-29 08:00:01 UTC"),
        ("02:23:00", "23:59:59", ""),
        ("00:00:00", "21:40:00", ""),
    ],
    ids=[
        "begin",
        "end",
        "both",
        "both in a minute",
        "nine parts of ten from the begin",
        "nine parts of ten to the end",
    ],
)
async def test_readings_of_a_part_of_the_range_are_told_to_be_of_that_part(
    first: str, last: str, said: str, shop_talk: Callable[..., Any]
) -> None:
    talk = talk_about({"WLD001": (f"{DAY}T{first}Z", f"{DAY}T{last}Z")}, shop_talk)
    text = await talk.ask("mean current of WLD001 yesterday")
    assert said in text
    assert ("The readings of" in text) == bool(said)


async def test_what_is_still_to_come_of_a_day_is_not_missing(shop_talk: Callable[..., Any]) -> None:
    rows = {"WLD001": ("2026-11-30T00:00:00Z", "2026-11-30T08:14:00Z")}
    assert "The readings of" not in await talk_about(rows, shop_talk).ask("mean current of WLD001 today")


async def test_devices_whose_readings_begin_together_are_told_together(shop_talk: Callable[..., Any]) -> None:
    late, whole = (f"{DAY}T20:00:00Z", f"{DAY}T23:59:59Z"), (f"{DAY}T00:00:00Z", f"{DAY}T23:59:59Z")
    talk = talk_about({"WLD001": late, "WLD002": whole, "WLD003": late}, shop_talk)
    text = await talk.ask("WLD001、WLD002和WLD003昨天的平均电流")
    assert text.count("的数据始于") == 1
    assert "WLD001、WLD003 的数据始于 2026-11-29 20:00" in text


async def test_tools_that_do_not_tell_it_lead_to_no_remark(shop_talk: Callable[..., Any]) -> None:
    talk = talk_about({"WLD001": None}, shop_talk)
    assert "The readings of" not in await talk.ask("mean current of WLD001 yesterday")
