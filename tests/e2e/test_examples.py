"""Every example runs as it stands against a system with the demo, and says what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS

EXAMPLES = Path(__file__).parents[2] / "examples"
# What each prints, among other things.
SAYS = {
    "ask.py": ("[asks ", "mean current of WLD001", "[completed]", "[read again: "),
    "ask_async.py": ("What was the highest temperature of WLD002 today?\n  ", "Which machines are there?\n  "),
    "upload.py": ("60 rows stored, 0 refused", "'pressure': "),
    "train.py": ("to validate on", "F1 ", "always saying closed: 0.", "are unlike its beginning"),
    "features.py": ("current_mean", "Z ["),
    "offline.py": (
        "2 wait in ",
        "2 asked, 0 left",
        "user: Hello!",
        "user: Which machines are there?\nassistant: There are ",
    ),
    "openai_library.py": ("No language model is configured",),
    "ask.sh": ('"type":"message_chunk"', '"type":"complete_state"'),
}


def test_every_example_is_run() -> None:
    assert set(SAYS) == {path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".sh"}}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_does_what_it_says(system: RunningSystem, name: str, tmp_path: Path) -> None:
    program = [sys.executable] if name.endswith(".py") else ["sh"]
    kept = {variable: os.environ[variable] for variable in ("PATH", "HOME") if variable in os.environ}
    done = subprocess.run(
        [*program, str(EXAMPLES / name)],
        env={**kept, "PENSTOCK_URL": system.url, "PENSTOCK_API_KEY": system.key},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in SAYS[name]:
        assert text in done.stdout, done.stdout
