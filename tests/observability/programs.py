"""Prometheus' and Alertmanager's own programs, from PATH or from where scripts/monitoring-tools puts them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"


def program(name: str) -> str:
    """Return the path of a program. Where it is not there the test is left out, and fails in CI, which installs it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{ROOT / '.tools' / 'usr' / 'bin'}")
    if found is None:
        reason = f"there is no {name}; scripts/monitoring-tools puts it into .tools"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


def run(name: str, *arguments: str | Path) -> str:
    """Run a program to its end; return what it printed, fail with that when it does not end well."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{name} {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
