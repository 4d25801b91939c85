"""The file of refused messages is bounded, and the log gets one line a second."""

from pathlib import Path

import orjson
from structlog.testing import capture_logs

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


def test_refused_messages_are_told_once_a_second_with_their_number_and_the_newest_of_them(tmp_path: Path) -> None:
    clock = ManualClock()
    log = RefusalLog(tmp_path / "refused.ndjson", clock.monotonic)
    with capture_logs() as logs:
        log.add([("plant/+", f"plant/{number}", b"hot", "no number") for number in range(3)])
        clock.advance(0.9)
        log.add([("plant/+", "plant/3", b"hot", "no number")])
        log.add([])
        assert len(logs) == 1
        clock.advance(0.1)
        log.add([("line/+", "line/4", b"\xff", "no text")])
    said = {"event": "MQTT messages refused", "log_level": "warning"}
    assert logs == [
        said | {"count": 3, "pattern": "plant/+", "topic": "plant/2", "reason": "no number", "bytes": 3},
        said | {"count": 2, "pattern": "line/+", "topic": "line/4", "reason": "no text", "bytes": 1},
    ]


def test_a_file_of_refused_messages_that_can_not_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "refused.ndjson"
    log = RefusalLog(path, ManualClock().monotonic)
    with capture_logs() as logs:
        log.add([("plant/+", "plant/1", b"hot", "no number")])
    event = {"event": "refused messages can't be written down", "log_level": "warning"}
    assert logs[0] == event | {"path": str(path), "detail": "No such file or directory"}
    assert (log.counts["plant/+"], list(log.newest)) == (1, ["plant/1: no number"])
