"""Asked whether a machine runs or stands, it is told what it does, and since when; a pause is no stop."""

from datetime import UTC, datetime
from itertools import product

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
RUNNING = ("running", "welding", "working")
STANDING = ("stopped", "idle", "standing still")
FORMS = ("is WLD001 {} or {}?", "WLD001: {} or {}?", "WLD001 in a pause: {} or {}?", "is WLD001 {} or {} right now")
CHINESE = ("WLD001在运行还是停机了", "WLD001是在焊还是停着", "WLD001现在在工作还是停着", "WLD001停顿时算运行还是停机")


@pytest.mark.parametrize(
    "text",
    [
        *(form.format(one, other) for form, one, other in product(FORMS, RUNNING, STANDING)),
        *(FORMS[0].format(other, one) for one, other in zip(RUNNING, STANDING, strict=True)),
        "is WLD001 running, stopped or in a pause?",
        *CHINESE,
    ],
)
def test_what_a_machine_does_of_two_things_is_told_with_since_when(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.devices, query.standing, query.since) == (Intent.STATISTICS, ("WLD001",), True, True)
    assert (query.conditions, query.whether, query.unread, query.refused) == ((), False, (), "")


@pytest.mark.parametrize(
    "text",
    ["is WLD001 running or is WLD002 hot?", "stop WLD001 or WLD002", "how long was WLD001 running or stopped today?"],
)
def test_what_is_no_choice_of_both_is_read_as_it_was(text: str) -> None:
    assert not parse_prompt(text, NOW).standing
