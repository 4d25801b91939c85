"""What a file's name says of its form, and how far sending it is."""

import io
from pathlib import Path

import pytest

from penstock_client._upload import CONTENT_TYPES, open_upload


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"), ("a.tsv", "csv"), ("A.CSV", "csv"), ("a.arrow", "arrow"), ("a.arrows", "arrow"),
        ("a.parquet", "parquet"), ("a.json", "json"),
    ],
)  # fmt: skip
def test_the_form_of_a_file_is_told_by_its_ending(tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"12345")
    upload = open_upload(path, None, None)
    assert (upload.format, upload.size, b"".join(upload)) == (form, 5, b"12345")
    assert upload.format in CONTENT_TYPES


def test_a_form_that_is_named_counts_more_than_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"[]")
    upload = open_upload(path, "json", None)
    assert (upload.format, b"".join(upload)) == ("json", b"[]")


@pytest.mark.parametrize("name", ["a.txt", "csv", "a"])
def test_a_form_that_cannot_be_told_is_asked_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="give format= one of csv, arrow, parquet, json"):
        open_upload(path, None, None)
    with pytest.raises(ValueError, match="given: 'xml'"):
        open_upload(b"", "xml", None)


def test_progress_counts_every_piece_once_it_was_taken() -> None:
    told: list[tuple[int, int | None]] = []
    body = bytes(600 * 1024)
    upload = open_upload(body, "csv", lambda sent, size: told.append((sent, size)))
    assert sum(map(len, upload)) == len(body)
    assert told == [(262_144, len(body)), (524_288, len(body)), (len(body), len(body))]
    assert isinstance(upload.file, io.BytesIO)
    assert upload.file.closed
