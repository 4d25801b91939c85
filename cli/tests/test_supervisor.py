import os
import re
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from penstock_cli.supervisor.state import ProcessId, identify
from penstock_testkit.waiting import HANG_SECONDS

MakeSuite = Callable[..., Any]


def pid_of(suite: Any, name: str, life: int = 1) -> int:
    return int(suite.lines.wait_for(rf"{name} +\| life {life} of (\d+)\n")[1])


def test_all_start_at_once_and_one_banner_says_when_all_are_ready(make_suite: MakeSuite) -> None:
    def scenario(suite: Any) -> None:
        suite.lines.wait_for(r"READY in \d")

    suite = make_suite({"a": "good", "b": "good", "c": "good"})
    assert suite.run(scenario) == 0
    assert suite.lines.text.count("READY") == 1


def test_each_line_of_a_service_has_its_name_in_front(make_suite: MakeSuite) -> None:
    suite = make_suite({"first": "good", "second": "good"})
    suite.run(lambda suite: suite.lines.wait_for("READY"))
    assert re.search(r"^first    \| life 1 of \d+$", suite.lines.text, re.MULTILINE)
    assert re.search(r"^second   \| life 1 of \d+$", suite.lines.text, re.MULTILINE)


def test_services_stop_in_reverse_order_and_none_is_left(make_suite: MakeSuite) -> None:
    pids: list[ProcessId] = []

    def scenario(suite: Any) -> None:
        suite.lines.wait_for("READY")
        pids.extend(identify(pid_of(suite, name)) for name in "abc")
        assert all(process.alive for process in pids)

    suite = make_suite({"a": "good", "b": "good", "c": "good"})
    assert suite.run(scenario) == 0
    assert re.findall(r"^(\w) +\| goodbye", suite.lines.text, re.MULTILINE) == ["c", "b", "a"]
    assert not any(process.alive for process in pids)


def test_a_signal_while_schemas_are_brought_to_their_newest_ends_the_run_before_a_service_starts(
    make_suite: MakeSuite,
) -> None:
    suite = make_suite({"a": "good"}, prepare=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert suite.run(lambda suite: None) == 0
    assert suite.home.read_state().services["a"].start_time == 0


def test_a_service_that_is_killed_is_started_again(make_suite: MakeSuite) -> None:
    def scenario(suite: Any) -> None:
        suite.lines.wait_for("READY")
        os.kill(pid_of(suite, "b"), signal.SIGKILL)
        assert pid_of(suite, "b", life=2)

    suite = make_suite({"a": "good", "b": "good"})
    assert suite.run(scenario) == 0
    assert "b was ended by SIGKILL after" in suite.lines.text
    assert suite.lives("a") == 1


def test_a_service_that_fell_at_its_start_gets_another_life(make_suite: MakeSuite) -> None:
    suite = make_suite({"a": "good", "b": "once"})
    assert suite.run(lambda suite: suite.lines.wait_for("READY")) == 0
    assert suite.lives("b") == 2
    assert "b ended with exit code 3 after" in suite.lines.text


def test_a_service_that_keeps_falling_ends_the_start_with_its_last_words(make_suite: MakeSuite) -> None:
    suite = make_suite({"a": "good", "b": "crash"})
    done = threading.Event()
    code = suite.run(lambda suite: suite.lines.wait_for("have ended") and done.set())
    assert code == 1
    assert suite.lives("b") == 3
    assert "no flux capacitor" in suite.lines.text
    assert "not started again: it keeps ending right after its start" in suite.lines.text
    assert "a        | goodbye" in suite.lines.text or suite.lives("a") == 1


def test_wrong_settings_are_not_tried_again(make_suite: MakeSuite) -> None:
    suite = make_suite({"a": "good", "b": "settings"})
    assert suite.run(lambda suite: suite.lines.wait_for("have ended")) == 1
    assert suite.lives("b") == 1
    assert "its settings are wrong" in suite.lines.text


def test_a_service_that_is_deaf_to_sigterm_is_killed_after_the_grace_time(
    make_suite: MakeSuite,
) -> None:
    suite = make_suite({"a": "deaf", "b": "good"}, grace=-4.8)
    processes: list[ProcessId] = []

    def scenario(suite: Any) -> None:
        suite.lines.wait_for("READY")
        processes.append(identify(pid_of(suite, "a")))

    assert suite.run(scenario) == 0
    assert "a did not end in time; killed" in suite.lines.text
    assert not processes[0].alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all(make_suite: MakeSuite, number: signal.Signals) -> None:
    def scenario(suite: Any) -> None:
        suite.lines.wait_for("READY")
        os.kill(os.getpid(), number)
        suite.lines.wait_for("goodbye")

    suite = make_suite({"a": "good"})
    before = signal.getsignal(number)
    assert suite.run(scenario) == 0
    assert signal.getsignal(number) is before


def test_a_second_signal_does_not_wait_for_the_deaf(make_suite: MakeSuite) -> None:
    def scenario(suite: Any) -> None:
        suite.lines.wait_for("READY")
        os.kill(os.getpid(), signal.SIGTERM)
        suite.lines.wait_for("stopping")
        os.kill(os.getpid(), signal.SIGTERM)
        suite.lines.wait_for("have ended")

    assert make_suite({"a": "deaf"}, grace=2 * HANG_SECONDS).run(scenario) == 0


def test_the_state_file_follows_the_services(make_suite: MakeSuite) -> None:
    def scenario(suite: Any) -> None:
        suite.lines.wait_for("READY")
        os.kill(pid_of(suite, "a"), signal.SIGKILL)
        pid_of(suite, "a", life=2)

    suite = make_suite({"a": "good", "b": "good"})
    suite.run(scenario)
    state = suite.home.read_state()
    assert state.services["a"].status == "stopped"
    assert (state.services["a"].restarts, state.services["b"].restarts) == (1, 0)
    assert state.ready is False
