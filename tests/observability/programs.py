"""Prometheus' and Alertmanager's own programs, from PATH or from where scripts/monitoring-tools puts them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from penstock_testkit.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"


def program(*names: str) -> str:
    """Return the path of a program that has one of `names`.

    Where it is not there the test is left out, and fails in CI, which installs it.
    """
    folders = f"{os.environ.get('PATH', '')}{os.pathsep}{ROOT / '.tools' / 'usr' / 'bin'}"
    found = next((path for name in names if (path := shutil.which(name, path=folders))), None)
    if found is None:
        reason = f"there is no {names[0]}; scripts/monitoring-tools puts it into .tools"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


def run(name: str, *arguments: str | Path) -> str:
    """Run a program to its end; return what it printed, fail with that when it does not end well."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, f"{name} {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
