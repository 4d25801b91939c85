import pytest

from penstock_cli.supervisor.restart import RestartRule, Restarts

RULE = RestartRule(first_delay=1.0, longest_delay=5.0, short_life=10.0, tries=5)


def test_delays_double_up_to_the_longest_and_then_it_gives_up() -> None:
    restarts = Restarts(RULE, lambda: 1.0)
    assert [restarts.next_delay(0.1) for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, None]


def test_a_long_life_makes_the_count_start_anew() -> None:
    restarts = Restarts(RULE, lambda: 1.0)
    for _ in range(4):
        restarts.next_delay(0.1)
    assert restarts.next_delay(10.0) == 1.0, "a life of just that long is a long one"
    assert restarts.next_delay(0.1) == 1.0
    assert restarts.next_delay(0.1) == 2.0


@pytest.mark.parametrize(("drawn", "delay"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_jitter_takes_at_most_half_of_the_delay(drawn: float, delay: float) -> None:
    assert Restarts(RULE, lambda: drawn).next_delay(0.1) == delay
