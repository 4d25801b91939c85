"""What `python -m bench` may be asked for."""

from bench.__main__ import BENCHMARKS, ON_DATA, runner_of


def test_a_benchmark_on_data_of_others_needs_their_folder_and_no_other_takes_one():
    assert all(runner_of(name, "") is run for name, run in BENCHMARKS.items())
    assert all(runner_of(name, "/data") for name in ON_DATA)
    assert not any(runner_of(name, "") for name in ON_DATA)
    assert not any(runner_of(name, "/data") for name in BENCHMARKS)
    assert runner_of("nothing", "") is None
