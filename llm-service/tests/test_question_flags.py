"""How many of a field of one's own that marks something are asked for: the readings it marks are counted."""

from datetime import UTC, datetime

import pytest

from llm_service.domain.offline.flag_asked import unflagged
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Operator, Remark, Statistic, StructuredQuery

NOW = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)


def read(text: str) -> StructuredQuery:
    fields = ("Pressure", "anomaly", "changepoint", "Temperature", "overload")
    return parse_prompt(text, NOW, known_devices=["valve1-0"], known_fields=fields)


@pytest.mark.parametrize("field", ["changepoint", "overload"])
@pytest.mark.parametrize(
    "form", ["How many {}s does valve1-0 have today?", "number of {}s of valve1-0 today", "valve1-0今天有多少个{}"]
)
def test_what_a_field_marks_is_counted_and_said(form: str, field: str) -> None:
    query = read(form.format(field))
    assert [(each.field, each.operator, each.value) for each in query.conditions] == [(field, Operator.NE, 0.0)]
    assert (query.fields, query.statistics, query.unread) == ((), (Statistic.COUNT,), ())
    assert [note.words[-1] for note in query.notes if note.remark is Remark.READ_AS] == [f"{field} != 0"]


@pytest.mark.parametrize(
    "text", ["how many Pressure readings has valve1-0", "mean changepoint of valve1-0", "count of temperature readings"]
)
def test_a_usual_field_and_another_number_mark_nothing(text: str) -> None:
    assert read(text).conditions == ()


def test_the_values_of_a_text_are_counted() -> None:
    query = read("How many overloads does valve1-0 have today?")
    assert unflagged(query, ["overload"]).conditions == ()
    assert (unflagged(query, ["overload"]).fields, unflagged(query, ["overload"]).notes) == (("overload",), ())
    assert unflagged(query, ["state"]) == query


def test_a_question_without_conditions_marks_nothing() -> None:
    query = read("mean Pressure of valve1-0")
    assert unflagged(query, ["overload"]) == query
