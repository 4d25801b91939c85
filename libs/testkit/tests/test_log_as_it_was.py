import subprocess
import sys
from pathlib import Path

FILE = """
import logging
import warnings

import structlog
from penstock_kit.logging import configure_logging, get_logger


def state():
    root = logging.getLogger()
    levels = [logging.getLogger(name).level for name in ("httpx", "sqlalchemy.engine")]
    kinds = {type(handler).__module__ for handler in root.handlers}
    return root.level, levels, "penstock_kit.logging" in kinds, structlog.is_configured()


def test_that_configures_the_log():
    configure_logging("llm-service", "debug", "json")
    assert state() == (10, [30, 30], True, True)


def test_that_runs_behind_it(capsys):
    assert state() == (30, [0, 0], False, False)
    get_logger("a").error("broken", exc_info=ValueError("once"))
    assert not capsys.readouterr().out.startswith("{")
"""


def test_what_a_test_configures_of_the_log_is_undone_behind_it(tmp_path: Path) -> None:
    (tmp_path / "test_file.py").write_text(FILE)
    command = [sys.executable, "-m", "pytest", "-p", "penstock_testkit.plugin", "-p", "no:asyncio", str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "2 passed" in ran.stdout, ran.stdout
