"""Behind a ranking: the second, the difference, of all, and "it" for the machine that was first."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from llm_service.domain.model.message import Role, text_message
from llm_service.domain.offline.conversation import conversation_from_messages
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)
RANKING = "Which machine had the highest mean current today?"
RANKING_ZH = "今天哪台焊机平均电流最高？"


def asked(*texts: str) -> StructuredQuery:
    (query,) = conversation_from_messages([text_message(Role.USER, text) for text in texts]).queries(NOW)
    return query


@pytest.mark.parametrize(
    ("ranking", "then"),
    [(RANKING, text) for text in ("and the second?", "the runner-up?", "and the last?", "who is second?")]
    + [(RANKING_ZH, text) for text in ("第二呢？", "第二名是谁？", "最后一名呢？")],
)
def test_a_place_of_a_ranking_is_told_by_the_whole_of_it(ranking: str, then: str) -> None:
    assert asked(ranking, then) == replace(asked(ranking), notes=())


@pytest.mark.parametrize(
    "then", ["when did it stop last?", "how long was it idle?", "is it running?", "how hot was it?", "its voltage now?"]
)
def test_it_behind_a_ranking_is_the_machine_that_was_first(then: str) -> None:
    query = asked(RANKING, then)
    assert query.winner == asked(RANKING)
    assert not query.rank
    assert query.intent is not Intent.CHAT


def test_how_hot_it_was_is_no_value_of_another_field() -> None:
    query = asked("mean current of WLD001 today", "and how hot was it?")
    assert (query.fields, query.statistics) == (("temperature",), (Statistic.MEAN,))
    assert asked("mean temperature of WLD001 today", "how hot was it?").fields == ("temperature",)


@pytest.mark.parametrize("then", ["of all?", "and of all?", "all of them?", "for all?"])
def test_what_was_told_of_one_is_asked_of_all(then: str) -> None:
    query = asked("total gas of WLD001 today", then)
    assert (query.all_devices, query.devices, query.statistics) == (True, (), (Statistic.INTEGRAL,))


def test_the_difference_of_two_is_asked_for_with_one_word() -> None:
    for two, text in (("WLD001 and WLD002", "difference?"), ("WLD001 and WLD002", "and the difference?")):
        query = asked(f"mean current of {two} today", text)
        assert (query.intent, query.devices, query.unread) == (Intent.COMPARE, ("WLD001", "WLD002"), ()), text
    groups = asked("mean current of hall A and hall B today", "difference?")
    assert [each.label for each in groups.references] == ["A", "B"]


@pytest.mark.parametrize("text", ["time between stops of WLD001 today", "WLD001今天停机间隔"])
def test_the_time_between_stops_is_that_of_running(text: str) -> None:
    query = asked(text)
    assert [(each.field, each.operator.value) for each in query.conditions] == [("current", ">=")]
    assert (query.statistics, query.mean_time, query.unread) == ((Statistic.DURATION,), "", ())


@pytest.mark.parametrize("text", ["average time between stops of WLD001 today", "WLD001今天平均停机间隔"])
def test_the_mean_time_between_stops_is_that_between_those_that_last(text: str) -> None:
    query = asked(text)
    assert (query.mean_time, query.lasting, query.unread) == ("between", True, ())
