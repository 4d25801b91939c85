"""When messages without a time came first: the file from which a replica knows it after a crash."""

from pathlib import Path

import pytest

from feature_service.adapters.mqtt import journal as module
from feature_service.adapters.mqtt.journal import FileReceiptJournal
from feature_service.domain.ingest.message import Message
from feature_service.domain.ingest.topic_pattern import Origin
from penstock_kit.errors import Unavailable


def received(receipt: str, time: int) -> Message:
    return Message(topic="t", origin=Origin(), payload=b"", time=time, size=0, receipt=receipt)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "receipts"


def test_a_time_is_known_of_the_very_message_also_after_a_restart(path: Path) -> None:
    FileReceiptJournal(path).keep([received("7:aa", 100), received("8:bb", -5), received("", 300)])
    again = FileReceiptJournal(path)
    assert [again.time_of(receipt) for receipt in ("7:aa", "8:bb", "7:zz", "9:aa", "")] == [100, -5, None, None, None]
    assert lines_of(path) == ["7:aa 100", "8:bb -5"]


def test_a_packet_id_that_is_used_again_is_the_newer_message(path: Path) -> None:
    journal = FileReceiptJournal(path)
    journal.keep([received("7:aa", 100)])
    journal.keep([received("7:bb", 200)])
    for each in (journal, FileReceiptJournal(path)):
        assert [each.time_of(receipt) for receipt in ("7:aa", "7:bb")] == [None, 200]


def test_what_is_known_already_is_not_written_again(path: Path) -> None:
    journal = FileReceiptJournal(path)
    for time in (100, 100, 101):
        journal.keep([received("7:aa", time)])
    journal.keep([])
    assert lines_of(path) == ["7:aa 100", "7:aa 101"]
    FileReceiptJournal(path).keep([received("7:aa", 101)])
    assert len(lines_of(path)) == 2


def test_a_line_that_was_cut_and_one_that_is_none_cost_only_themselves(path: Path) -> None:
    path.write_bytes(b"7:aa 100\n 5\nnonsense\n\xff\xfe 3x\n9:cc\n8:bb 200")
    journal = FileReceiptJournal(path)
    assert [journal.time_of(receipt) for receipt in ("7:aa", "8:bb", "9:cc", "")] == [100, 200, None, None]


def test_a_file_with_too_many_lines_is_written_anew_with_what_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_LINES", 4)
    journal = FileReceiptJournal(path)
    for time in (1, 2, 3):
        journal.keep([received("7:aa", time)])
    journal.keep([received("8:bb", 4)])
    assert len(lines_of(path)) == 4, "so many there may be"
    journal.keep([received("9:cc", 5)])
    assert lines_of(path) == ["7:aa 3", "8:bb 4", "9:cc 5"]
    journal.keep([received("7:aa", 6)])
    assert lines_of(path) == ["7:aa 3", "8:bb 4", "9:cc 5", "7:aa 6"]
    journal = FileReceiptJournal(path)
    journal.keep([received("8:bb", 7)])
    assert lines_of(path) == ["9:cc 5", "7:aa 6", "8:bb 7"], "the lines that were there count"
    assert list(path.parent.iterdir()) == [path]


def test_the_ids_kept_longest_go_when_there_are_more_than_a_session_has(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_ENTRIES", 2)
    journal = FileReceiptJournal(path)
    journal.keep([received("1:a", 1), received("2:b", 2)])
    journal.keep([received("1:c", 3)])
    journal.keep([received("3:d", 4)])
    assert [journal.time_of(receipt) for receipt in ("1:c", "2:b", "3:d")] == [3, None, 4]


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "none" / "receipts"
    with pytest.raises(Unavailable, match=f"{path} can't be written: No such file or directory") as caught:
        FileReceiptJournal(path).keep([received("7:aa", 1)])
    assert caught.value.reason == "JOURNAL_UNAVAILABLE"
