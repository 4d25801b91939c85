"""The file of refused messages is bounded, and the log gets one line a second."""

from pathlib import Path

import orjson

from feature_service.adapters.mqtt.refusal_log import RefusalLog
from penstock_testkit.clock import ManualClock

MEGABYTE = 1024 * 1024


def test_the_file_is_turned_over_at_a_megabyte_and_no_more_than_two_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "refused.ndjson"
    log = RefusalLog(path, ManualClock().monotonic)
    refused = [("plant/+", f"plant/{number}", b"x" * 500, "r" * 600) for number in range(100)]
    for _ in range(40):
        log.add(refused)
        assert path.stat().st_size <= MEGABYTE
    assert sorted(each.name for each in tmp_path.iterdir()) == ["refused.ndjson", "refused.ndjson.1"]
    assert (tmp_path / "refused.ndjson.1").stat().st_size > MEGABYTE // 2
    last = orjson.loads(path.read_bytes().splitlines()[-1])
    assert (last["topic"], len(last["payload"])) == ("plant/99", 200)
    assert (log.counts["plant/+"], len(log.newest)) == (4000, 20)
