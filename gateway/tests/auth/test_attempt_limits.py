"""How many failed logins are looked at, from where and for whom: the three tables of the limiter by their figures."""

import pytest

from gateway.auth.login_attempts import AttemptLimiter, LoginAttemptLimiter, site
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.clock import ManualClock


def is_refused(limiter: LoginAttemptLimiter, who: list[str], address: str) -> bool:
    try:
        limiter.check(who, address)
    except ResourceExhausted as error:
        assert error.reason == "ATTEMPTS_LIMIT_EXCEEDED"
        return True
    return False


def fail(limiter: LoginAttemptLimiter, who: list[str], address: str, times: int) -> None:
    for _ in range(times):
        limiter.record_failure(who, address)


def test_five_failures_of_a_user_at_a_place_are_looked_at_and_the_sixth_waits_for_the_rest_of_the_minute() -> None:
    clock = ManualClock()
    limiter = LoginAttemptLimiter(clock=clock)
    fail(limiter, ["ann"], "10.0.0.1", 4)
    clock.advance(20)
    assert not is_refused(limiter, ["ann"], "10.0.0.1")
    fail(limiter, ["ann"], "10.0.0.1", 1)
    with pytest.raises(ResourceExhausted, match=r"too many failed attempts; wait 40 s") as refused:
        limiter.check(["ann"], "10.0.0.1")
    assert refused.value.retry_after == 40.0
    assert not is_refused(limiter, ["bob"], "10.0.0.1")
    assert not is_refused(limiter, ["ann"], "10.0.0.2")
    fail(limiter, ["ann"], "10.0.0.1", 2)  # that were under way already
    clock.advance(39.9)
    assert is_refused(limiter, ["ann"], "10.0.0.1")
    clock.advance(0.1)
    assert not is_refused(limiter, ["ann"], "10.0.0.1")
    fail(limiter, ["ann"], "10.0.0.1", 4)
    assert not is_refused(limiter, ["ann"], "10.0.0.1")  # a new minute with a count of its own


def test_thirty_failures_from_a_place_and_a_hundred_at_a_user_refuse_all_but_who_belongs_there() -> None:
    limiter = LoginAttemptLimiter(clock=ManualClock())
    limiter.record_success("ann", "10.0.0.1")
    for user in range(29):
        fail(limiter, [f"user{user}"], "10.0.0.1", 1)
    assert not is_refused(limiter, ["bob"], "10.0.0.1")
    fail(limiter, ["user29"], "10.0.0.1", 1)
    assert is_refused(limiter, ["bob"], "10.0.0.1")
    assert not is_refused(limiter, ["ann"], "10.0.0.1")
    for place in range(99):
        fail(limiter, ["ann"], f"10.1.0.{place}", 1)
    assert not is_refused(limiter, ["ann"], "10.2.0.1")
    fail(limiter, ["ann"], "10.1.0.99", 1)
    assert is_refused(limiter, ["ann"], "10.2.0.1")
    assert not is_refused(limiter, ["ann"], "10.0.0.1")


def test_a_success_forgets_the_failures_of_this_user_at_this_place_alone() -> None:
    limiter = LoginAttemptLimiter(clock=ManualClock())
    for user, place in (("ann", "10.0.0.1"), ("ann", "10.0.0.2"), ("bob", "10.0.0.1")):
        fail(limiter, [user], place, 5)
    limiter.record_success("ann", "10.0.0.1")
    refused = [is_refused(limiter, [user], f"10.0.0.{place}") for user in ("ann", "bob") for place in (1, 2)]
    assert refused == [False, True, True, False]


def test_a_name_of_several_users_is_refused_by_any_of_them_and_known_by_all_of_them_alone() -> None:
    limiter = LoginAttemptLimiter(clock=ManualClock())
    fail(limiter, ["ann@a"], "10.0.0.1", 5)
    assert is_refused(limiter, ["ann@b", "ann@a"], "10.0.0.1")
    limiter.record_success("ann@b", "10.0.0.2")
    assert not limiter.is_known(["ann@a", "ann@b"], "10.0.0.2")
    limiter.record_success("ann@a", "10.0.0.2")
    assert limiter.is_known(["ann@a", "ann@b"], "10.0.0.2")
    assert not limiter.is_known([], "10.0.0.2")


def test_a_login_counts_for_the_pairs_the_place_and_the_users_and_where_he_belongs_only_the_pairs_bind() -> None:
    limiter = LoginAttemptLimiter(clock=ManualClock())
    who = ["ann@a", "ann@b"]
    subjects = [(kind, subject) for kind, subject, _ in limiter.subjects(who, "10.0.0.1")]
    pairs = [("login-pair", "10.0.0.1 ann@a"), ("login-pair", "10.0.0.1 ann@b")]
    assert subjects == [*pairs, ("login-address", "10.0.0.1"), ("login-name", "ann@a"), ("login-name", "ann@b")]
    assert limiter.binding(who, "10.0.0.1") == limiter.subjects(who, "10.0.0.1")
    for user in who:
        limiter.record_success(user, "10.0.0.1")
    assert [(kind, subject) for kind, subject, _ in limiter.binding(who, "10.0.0.1")] == pairs
    limits = [each.limit for _, _, each in limiter.subjects(who, "10.0.0.1")]
    assert limits == [5, 5, 30, 100, 100]


def test_what_all_gateways_counted_together_raises_a_count_and_never_lowers_it() -> None:
    clock = ManualClock()
    limiter = AttemptLimiter(clock=clock, limit=3)
    limiter.raise_to("ann", 2)
    limiter.raise_to("ann", 1)
    limiter.check("ann")
    limiter.record_failure("ann")
    with pytest.raises(ResourceExhausted):
        limiter.check("ann")
    limiter.raise_to("bob", 1_000_000)
    with pytest.raises(ResourceExhausted):
        limiter.check("bob")
    assert limiter._failures["bob"] == (1_060.0, 3)  # no further than is refused, however much was counted
    clock.advance(60)
    limiter.check("bob")
    limiter.raise_to("bob", 2)
    limiter.check("bob")
    clock.advance(60)
    limiter.raise_to("bob", 3)
    with pytest.raises(ResourceExhausted):
        limiter.check("bob")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_place_is_an_address_and_of_ipv6_the_customers_network(address: str, place: str) -> None:
    assert site(address) == place
