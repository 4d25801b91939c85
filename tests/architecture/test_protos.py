"""Clients that were built with the released protos go on working: `make protos-check` notices what would break them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROTOS = Path(__file__).parents[2] / "protos"
BUF = Path(sys.executable).with_name("buf")


def breaking(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(BUF), "breaking", str(folder), "--against", str(PROTOS / "released.binpb")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "protos"
    shutil.copytree(PROTOS, folder, ignore=shutil.ignore_patterns("gen"))
    return folder


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "penstock" / "common" / "v1" / "multiplex.proto"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_protos_break_no_client_of_the_released_ones() -> None:
    outcome = breaking(PROTOS)
    assert outcome.returncode == 0, outcome.stdout


def test_a_field_with_another_number_is_noticed(copy: Path) -> None:
    change(copy, "bool cancel = 4", "bool cancel = 14")
    outcome = breaking(copy)
    assert outcome.returncode != 0
    assert '"cancel"' in outcome.stdout


def test_a_field_that_is_added_is_not(copy: Path) -> None:
    change(copy, "    bool cancel = 4;", "    bool cancel = 4;\n    bool pause = 14;")
    assert breaking(copy).returncode == 0
