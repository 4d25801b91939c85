"""Mutation testing of one package with Cosmic Ray; started by scripts/mutate, which makes its environment.

The faults are put into a copy of the tracked files, never into the tree itself. For each module the tests that name it
run first and the other tests of its member behind them, so that a fault that is noticed costs little.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 300.0  # seconds for the tests of one fault; a fault that makes them hang is noticed by that
_ANNOTATIONS = "core/ReplaceBinaryOperator_BitOr_"
CONFIGURATION = """[cosmic-ray]
module-path = "{module}"
timeout = {timeout}
excluded-modules = []
test-command = "{command}"

[cosmic-ray.distributor]
name = "local"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One module under test: where it lies in the copy, its session, and the command that tests it."""

    module: str
    folder: Path
    command: str

    @property
    def configuration(self) -> Path:
        """The file that tells Cosmic Ray what to do."""
        return self.folder / "session.toml"

    @property
    def session(self) -> Path:
        """The database of the faults and of what became of them."""
        return self.folder / "session.sqlite"


def main() -> int:
    """Run; return 1 when a fault went unnoticed."""
    options = arguments()
    scratch = Path(tempfile.mkdtemp(prefix="mutation-"))
    try:
        copy = copied(scratch / "tree")
        os.environ["PYTHONPATH"] = os.pathsep.join(str(path) for path in sources(copy))
        targets = [target(copy, scratch, module, options.tests) for module in modules(copy, options.package)]
        for each in targets:
            run("init", each)
        assert_green(copy, targets[0].command)
        keep_sample(targets, options.sample, options.seed)
        for each in targets:
            run("exec", each)
        return report(targets)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description="Tell which small faults no test notices.")
    parser.add_argument("package", help="a module or a folder of modules, such as llm_service.domain.billing")
    parser.add_argument("--sample", type=int, default=60, help="so many faults at most (60)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--tests", nargs="*", help="tests to run instead of the member's own")
    return parser.parse_args()


def copied(into: Path) -> Path:
    """Copy every tracked file as it stands in the work tree."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    return into


def sources(tree: Path) -> list[Path]:
    """The folders that packages are imported from."""
    return [tree, *tree.glob("*/src"), *tree.glob("libs/*/src"), tree / "protos" / "gen"]


def modules(tree: Path, package: str) -> list[Path]:
    """The files of a dotted name."""
    for source in sources(tree):
        base = source / Path(*package.split("."))
        if base.with_suffix(".py").is_file():
            return [base.with_suffix(".py")]
        if (base / "__init__.py").is_file():
            return sorted(path for path in base.rglob("*.py") if path.stat().st_size > 200)
    raise SystemExit(f"there is no package {package!r}; give a dotted name such as llm_service.domain.billing")


def target(tree: Path, scratch: Path, module: Path, tests: list[str] | None) -> Target:
    """Prepare the session of one module."""
    member = module.relative_to(tree).parts
    home = tree / Path(*member[: member.index("src")])
    dotted = ".".join(module.with_suffix("").parts[module.parts.index("src") + 1 :])
    names = sorted((home / "tests").rglob("test_*.py"), key=lambda path: dotted not in path.read_text())
    chosen = tests or [str(path.relative_to(tree)) for path in names]
    python = ROOT / ".venv" / "bin" / "python"
    command = f"{python} -m pytest -x -q -p no:cacheprovider -m 'not containers' {' '.join(chosen)}"
    folder = scratch / dotted
    folder.mkdir()
    made = Target(module=str(module.relative_to(tree)), folder=folder, command=command)
    text = CONFIGURATION.format(module=made.module, timeout=TIMEOUT, command=command)
    made.configuration.write_text(text)
    return made


def run(what: str, each: Target) -> None:
    """Let Cosmic Ray list the faults of a module, or try them."""
    program = str(Path(sys.executable).with_name("cosmic-ray"))
    tree = each.folder.parent / "tree"
    subprocess.run([program, what, str(each.configuration), str(each.session)], cwd=tree, check=True)


def assert_green(tree: Path, command: str) -> None:
    """End when the tests fail without any fault: every fault would then seem to be noticed."""
    tried = subprocess.run(command, shell=True, cwd=tree, check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        raise SystemExit(f"the tests fail without a fault:\n{tried.stdout[-4000:]}{tried.stderr[-2000:]}")


def keep_sample(targets: list[Target], size: int, seed: int) -> None:
    """Skip all faults but so many, chosen by chance over all modules."""
    found = [(each, item.job_id) for each in targets for item in read(each).work_items if is_meant(item)]
    kept = set(random.Random(seed).sample(found, min(size, len(found))))
    print(f"{len(found)} faults in {len(targets)} modules, {len(kept)} of them tried", flush=True)
    for each in targets:
        skipped = [item.job_id for item in read(each).work_items if (each, item.job_id) not in kept]
        with use_db(each.session) as work:
            work.set_multiple_results(skipped, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def is_meant(item: Any) -> bool:
    """Whether a fault is about behaviour; another operator between the types of an annotation is not."""
    return not any(mutation.operator_name.startswith(_ANNOTATIONS) for mutation in item.mutations)


def read(each: Target) -> WorkDB:
    """Open the session of a module."""
    return WorkDB(each.session, WorkDB.Mode.open)


def report(targets: list[Target]) -> int:
    """Print each fault that went unnoticed and the share of those that were noticed."""
    outcomes: list[tuple[str, Any]] = [
        (each.module, result)
        for each in targets
        for _, result in read(each).results
        if result.worker_outcome is not WorkerOutcome.SKIPPED
    ]
    unnoticed = [(module, result) for module, result in outcomes if result.test_outcome is TestOutcome.SURVIVED]
    for module, result in unnoticed:
        print(f"\nunnoticed in {module}:\n{result.diff}")
    print(f"{len(outcomes) - len(unnoticed)} of {len(outcomes)} faults noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
