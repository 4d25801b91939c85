"""The pytest plugin of scripts/mutation.py: the tests are collected once, and each fault gets a fork of the process.

The order comes in a file (MUTATION_ORDER) and one line of JSON goes out for each fault. First the tests run once under
`coverage`, so that each line's tests are known. Then, for each fault, a fork gives the functions of the module the code
with the fault in it and runs tests that cover the line, the cheapest first, to the first that fails. A fault that
acts when its module is imported gets a process of its own, whose import finds the text with the fault.
"""

import gc
import importlib
import importlib.machinery
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import coverage
import pytest

MOST_TESTS = 60
MOST_SECONDS = 20.0  # of tests that have passed before, tried against one fault
HANG_SECONDS = 25.0  # above five times what the tests took: a fault that makes them hang is noticed by that
AT_IMPORT = "import"

Map = dict[str, dict[int, list[str]]]  # a file's lines and the tests that run each

ORDER: dict[str, Any] = json.loads(Path(os.environ["MUTATION_ORDER"]).read_text())
_recorder = coverage.Coverage(
    data_file=None, config_file=False, source=[ORDER["source"]], concurrency=["thread", "greenlet"], messages=False
)


def pytest_load_initial_conftests() -> None:
    """Put the one fault of this process in the way of its import, or note which lines the import runs."""
    if "text" in ORDER:
        _find_at_import(ORDER["file"], ORDER["text"])
    elif not Path(ORDER["map"]).exists():
        _recorder.start()
        _recorder.switch_context(AT_IMPORT)


def _find_at_import(file: str, text: str) -> None:
    loader: Any = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: Any, name: str) -> CodeType | None:
        return compile(text, file, "exec", dont_inherit=True) if self.path == file else original(self, name)

    loader.get_code = get_code


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Try the faults instead of running the tests."""
    if "text" in ORDER:
        return None
    for module in ORDER["modules"]:
        with suppress(Exception):
            importlib.import_module(module)
    items = {item.nodeid: item for item in session.items}
    slots = range(ORDER["jobs"])
    if not Path(ORDER["map"]).exists():
        _recorder.stop()
        _in_forks([lambda slot=slot: _survey(items, slot) for slot in slots])
        _join_surveys(len(items))
    _in_forks([lambda slot=slot: _Trial(items, slot).run() for slot in slots])
    return True


def _in_forks(works: list[Callable[[], None]]) -> None:
    """Do each work in a fork of its own, all at once, and end when one of them fails."""
    children = [_fork(work) for work in works]
    if any(os.waitpid(child, 0)[1] for child in children):
        raise pytest.UsageError("the tests could not be run; see above")


def _fork(work: Callable[[], None], *, quiet: bool = False) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if quiet:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        work()
        code = 0
    finally:
        os._exit(code)


def _survey(items: dict[str, pytest.Item], slot: int) -> None:
    """Run every so many file's tests under coverage and note how long each took, whether it passed and its lines."""
    files = sorted({str(item.path) for item in items.values()})[slot :: ORDER["jobs"]]
    mine = [item for item in items.values() if str(item.path) in files]
    seconds: dict[str, float] = {}
    _recorder.start()
    for item, following in zip(mine, [*mine[1:], None], strict=True):
        _recorder.switch_context(item.nodeid)
        started = time.monotonic()
        if _passes(item, following):
            seconds[item.nodeid] = round(time.monotonic() - started, 3)
    _recorder.stop()
    data = _recorder.get_data()
    lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
    Path(f"{ORDER['map']}.{slot}").write_text(json.dumps({"seconds": seconds, "lines": lines}))


def _join_surveys(count: int) -> None:
    seconds: dict[str, float] = {}
    lines: dict[str, dict[str, set[str]]] = {}
    for slot in range(ORDER["jobs"]):
        part = Path(f"{ORDER['map']}.{slot}")
        survey = json.loads(part.read_text())
        part.unlink()
        seconds |= survey["seconds"]
        for file, found in survey["lines"].items():
            for line, tests in found.items():
                lines.setdefault(file, {}).setdefault(line, set()).update(tests)
    print(f"{len(seconds)} of {count} tests pass and are used")
    sorted_lines = {file: {line: sorted(tests) for line, tests in found.items()} for file, found in lines.items()}
    Path(ORDER["map"]).write_text(json.dumps({"seconds": seconds, "lines": sorted_lines}))


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Run a test; return whether it passed."""
    failed = item.session.testsfailed
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return item.session.testsfailed == failed


class _Trial:
    """The faults of one slot, each tried in a fork."""

    def __init__(self, items: dict[str, pytest.Item], slot: int) -> None:
        survey = json.loads(Path(ORDER["map"]).read_text())
        self._seconds: dict[str, float] = survey["seconds"]
        self._lines: dict[str, dict[str, list[str]]] = survey["lines"]
        self._items = {name: item for name, item in items.items() if name in self._seconds}
        self._slot = slot

    def run(self) -> None:
        """Try every so many fault and write what came of it."""
        with _Servers(self._items), Path(f"{ORDER['results']}.{self._slot}").open("w") as out:
            self._assert_green(list(self._seconds))
            for number in range(self._slot, len(ORDER["faults"]), ORDER["jobs"]):
                result = self._try(ORDER["faults"][number])
                print(json.dumps({"number": number} | result), file=out, flush=True)

    def _assert_green(self, tests: list[str]) -> None:
        """Fail when tests fail in a fork without a fault: every fault would then seem to be noticed."""
        tests = self._chosen(tests, ORDER["modules"][0])
        if not self._in_fork(None, tests):
            return
        raise pytest.UsageError(f"some of these tests fail in a fork without a fault: {' '.join(tests)}")

    def _try(self, fault: dict[str, Any]) -> dict[str, Any]:
        lines = self._lines.get(fault["file"], {})
        running = next((found for line in reversed(fault["lines"]) if (found := lines.get(str(line)))), [])
        tests = self._chosen(running, fault["module"])
        if fault["function"] and not (not tests and AT_IMPORT in running):
            if not tests:
                return {"noticed": False, "tests": 0}
            return {"noticed": self._in_fork(fault, tests), "tests": len(tests)}
        tests = self._chosen(self._users(fault), fault["module"])
        return {"noticed": bool(tests) and self._in_process(fault, tests), "tests": len(tests)}

    def _users(self, fault: dict[str, Any]) -> list[str]:
        """Return the tests that run a line with the name that the fault is about, else any of those that know it."""
        knowing = [file for file in self._lines if file == fault["file"] or fault["module"] in Path(file).read_text()]
        word = re.compile(rf"\b{fault['name'] or 'no name'}\b")
        using: set[str] = set()
        for file in knowing:
            texts = Path(file).read_text().split("\n")
            using.update(*(found for line, found in self._lines[file].items() if word.search(texts[int(line) - 1])))
        known = {test for file in knowing for found in self._lines[file].values() for test in found}
        return sorted(using if using - {AT_IMPORT} else known)

    def _chosen(self, tests: list[str], module: str) -> list[str]:
        """Return the tests to try: each file's cheapest, then each one's next; files that name the module lead."""
        known = sorted((each for each in tests if each in self._items), key=self._seconds.__getitem__)
        paths = {each: self._items[each].path for each in known}
        strange = {path: module not in path.read_text() for path in set(paths.values())}
        seen = Counter[Path]()
        rank = {each: seen.update([paths[each]]) or seen[paths[each]] for each in known}
        known.sort(key=lambda each: (rank[each], strange[paths[each]]))
        chosen: list[str] = []
        for each in known[:MOST_TESTS]:
            if len(chosen) < 3 or sum(map(self._seconds.__getitem__, [*chosen, each])) < MOST_SECONDS:
                chosen.append(each)
        return chosen

    def _limit(self, tests: list[str]) -> float:
        return HANG_SECONDS + 5 * sum(self._seconds[each] for each in tests)

    def _in_fork(self, fault: dict[str, Any] | None, tests: list[str]) -> bool:
        child = _fork(lambda: self._tests_with(fault, tests), quiet=True)
        until = time.monotonic() + self._limit(tests)
        ended, status = os.waitpid(child, os.WNOHANG)
        while not ended and time.monotonic() < until:
            time.sleep(0.01)
            ended, status = os.waitpid(child, os.WNOHANG)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if not ended:
            os.waitpid(child, 0)
        return not ended or status != 0

    def _tests_with(self, fault: dict[str, Any] | None, tests: list[str]) -> None:
        if fault:
            put_in(fault["module"], fault["file"], fault["text"])
        items = [self._items[each] for each in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            if not _passes(item, following):
                item.session._setupstate.teardown_exact(None)
                os._exit(1)

    def _in_process(self, fault: dict[str, Any], tests: list[str]) -> bool:
        order = Path(f"{ORDER['results']}.{self._slot}.order")
        order.write_text(json.dumps({"source": ORDER["source"], "file": fault["file"], "text": fault["text"]}))
        command = [sys.executable, "-m", "pytest", *ORDER["options"], "-x", *tests]
        environment = os.environ | {"MUTATION_ORDER": str(order)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=environment, start_new_session=True, **quiet) as process:
            try:
                return process.wait(self._limit(tests) + HANG_SECONDS) != 0
            except subprocess.TimeoutExpired:
                return True
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


class _Servers:
    """One Redis and one PostgreSQL for all tests of a slot, if any of them asks for one."""

    def __init__(self, items: dict[str, pytest.Item]) -> None:
        self._asked = {name for item in items.values() for name in getattr(item, "fixturenames", ())}
        self._running: list[Any] = []

    def __enter__(self) -> None:
        from penstock_testkit.servers import start_postgres, start_redis

        for fixture, variable, start in (
            ("redis_server", "TEST_REDIS_URL", start_redis),
            ("postgres_server", "TEST_POSTGRES_URL", start_postgres),
        ):
            if fixture in self._asked:
                self._running.append(server := start())
                os.environ[variable] = server.url

    def __exit__(self, *_: object) -> None:
        for server in self._running:
            server.stop()


def put_in(module: str, file: str, text: str) -> None:
    """Give every function of a module that is there the code that `text` has in its place."""
    importlib.import_module(module)
    wanted = {
        (code.co_qualname, code.co_firstlineno): code for code in codes(compile(text, file, "exec", dont_inherit=True))
    }
    gc.unfreeze()
    for function in [each for each in gc.get_objects() if isinstance(each, FunctionType)]:
        old = function.__code__
        new = wanted.get((old.co_qualname, old.co_firstlineno))
        if old.co_filename == file and new is not None:
            # Names of the function around that the code no longer uses stay listed, so that its cells fit.
            function.__code__ = new if new.co_freevars == old.co_freevars else new.replace(co_freevars=old.co_freevars)


def codes(code: CodeType) -> Iterator[CodeType]:
    """Walk the code objects in a module's."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from codes(each)
