"""Fields named as a spreadsheet names them: with their unit in brackets, in German."""

import pytest

from llm_service.domain.offline.field import match_field, without_unit

FIELDS = [
    "Druck [bar]",
    "Temperatur [°C]",
    "Drehzahl (1/min)",
    "Durchfluss l/min",
    "inlet pressure",
    "note (first) text",
]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Druck", "Druck [bar]"),
        ("druck", "Druck [bar]"),
        ("Temperatur", "Temperatur [°C]"),
        ("temperature", "Temperatur [°C]"),
        ("温度", "Temperatur [°C]"),
        ("speed", "Drehzahl (1/min)"),
        ("Drehzahl", "Drehzahl (1/min)"),
        ("flow", "Durchfluss l/min"),
        ("inlet pressure", "inlet pressure"),
    ],
)
def test_a_field_with_its_unit_behind_or_of_a_german_name_is_meant_by_its_word(said, meant):
    assert match_field(said, FIELDS) == (meant,)


def test_the_word_for_what_two_fields_measure_means_both():
    assert set(match_field("temperature", ["Temperatur Vorlauf [°C]", "Temperatur Rücklauf [°C]", "Druck [bar]"])) == {
        "Temperatur Vorlauf [°C]",
        "Temperatur Rücklauf [°C]",
    }


def test_a_field_that_is_named_so_exactly_comes_first():
    assert match_field("Druck", ["Druck [bar]", "Druck"]) == ("Druck",)
    assert match_field("temperature", ["Temperatur [°C]", "temperature"]) == ("temperature",)


@pytest.mark.parametrize("said", ["current", "humidity", "Strom"])
def test_a_word_for_something_else_means_none_of_them(said):
    assert match_field(said, FIELDS) == ()


@pytest.mark.parametrize(
    ("field", "name"),
    [("Druck [bar]", "Druck"), ("n (1/min)", "n"), ("[bar]", "[bar]"), ("a (b) c", "a (b) c"), ("v", "v")],
)
def test_a_unit_is_what_stands_in_brackets_at_the_end(field, name):
    assert without_unit(field) == name
