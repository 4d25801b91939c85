"""Prompt templates and the values that fill them."""

from datetime import UTC, datetime

import pytest

from chat_stream_service.domain.conversations.personality import Template
from penstock_kit.errors import InvalidArgument

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def template(content: str) -> Template:
    return Template(id="tpl_1", name="How", content=content, create_time=NOW, update_time=NOW)


def test_places_are_filled_wherever_they_stand() -> None:
    filled = template("How is {{device}}? {{ device }}! {{content}}").filled("Briefly.", {"device": "{{content}}"})
    assert filled == "How is {{content}}? {{content}}! Briefly."


@pytest.mark.parametrize(
    ("content", "values", "told"),
    [
        ("{{device}} {{field}}", {"device": "A"}, "lacks field, which the template 'How' needs"),
        ("{{device}}", {"device": "A", "colour": "red"}, "has colour; the places of the template 'How' are device"),
        ("Hello", {"x": "y"}, "has x; the places of the template 'How' are none"),
        ("{{a}}" * 1000, {"a": "x" * 1000}, "some 1,005,000 characters; at most 200,000"),
    ],
)
def test_values_that_do_not_fit_are_named(content: str, values: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as caught:
        template(content).filled("", values)
    assert caught.value.reason == "TEMPLATE_VALUES_INVALID"
    assert caught.value.violations[0].field == "template_values"
