"""German words in a question say what the English ones say, and slips of the pen what was meant."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Note, Remark, StructuredQuery

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
NUMBERS = {
    "Durchschnitt": "mean",
    "maximale": "maximum",
    "höchste": "maximum",
    "niedrigste": "minimum",
    "Mittelwert": "mean",
}
FIELDS = {"Strom": "current", "Spannung": "voltage", "Temperatur": "temperature", "Drahtvorschub": "wire feed"}
TIMES = {
    "heute": "today",
    "gestern": "yesterday",
    "heute Vormittag": "today in the morning",
    "in den letzten 3 Stunden": "in the last 3 hours",
    "seit 8 Uhr": "since 8 o'clock",
    "zwischen 9 und 11 Uhr": "between 9 and 11 o'clock",
}
WHOLE = {
    "wie viel Gas hat WLD003 {} verbraucht?": "how much gas has WLD003 used {}?",
    "welche Maschine hatte {} die meisten Poren?": "which machine had the most porosity {}?",
    "wie lange stand WLD002 {} still?": "how long was WLD002 standing idle {}?",
    "Ausschussquote pro Maschine {}": "defect rate per machine {}",
    "wie oft war WLD003 {} über 200 A?": "how often was WLD003 above 200 A {}?",
}


def meaning(text: str) -> StructuredQuery:
    """Return what `text` asks for, without how it was written."""
    return replace(parse_prompt(text, NOW), notes=(), counted_as=(), confidence=0.0)


@settings(deadline=None)
@given(
    number=st.sampled_from(sorted(NUMBERS)),
    field=st.sampled_from(sorted(FIELDS)),
    time=st.sampled_from(sorted(TIMES)),
    plain=st.booleans(),
)
def test_german_words_mean_what_the_english_ones_mean(number: str, field: str, time: str, plain: bool) -> None:
    german = f"{number} {field} von WLD001 {time}"
    german = german.replace("ö", "oe") if plain else german
    query = meaning(german)
    assert query == meaning(f"{NUMBERS[number]} {FIELDS[field]} of WLD001 {TIMES[time]}")
    assert (query.unread, len(query.fields), len(query.statistics), query.time is None) == ((), 1, 1, False)


@settings(deadline=None)
@given(template=st.sampled_from(sorted(WHOLE)), time=st.sampled_from(sorted(TIMES)))
def test_whole_german_questions_are_read(template: str, time: str) -> None:
    query = meaning(template.format(time))
    assert query == meaning(WHOLE[template].format(TIMES[time]))
    assert query.unread == ()


@pytest.mark.parametrize(
    "text", ["did the arc die on WLD001 today?", "did WLD001 pause today?", "minute by minute current of WLD001 today"]
)
def test_words_that_are_english_as_well_stay_english(text: str) -> None:
    assert parse_prompt(text, NOW).intent is not Intent.CHAT
    assert not any("the" in note.words for note in parse_prompt(text, NOW).notes)


def test_a_field_with_a_german_name_keeps_it() -> None:
    query = parse_prompt("Durchschnitt Druck von WLD001 heute", NOW, known_fields=["druck"])
    assert (query.fields, query.unread) == (("druck",), ())


SLIPS = {"wich": "which", "hotest": "hottest", "mashine": "machine", "nite": "night"}


@settings(deadline=None)
@given(chosen=st.sets(st.sampled_from(sorted(SLIPS))))
def test_slips_of_the_pen_are_put_right_and_told(chosen: set[str]) -> None:
    slipped = right = "which machine was the hottest last night"
    for slip in chosen:
        slipped = slipped.replace(SLIPS[slip], slip)
    query = parse_prompt(slipped, NOW)
    assert replace(query, notes=()) == replace(parse_prompt(right, NOW), notes=())
    assert {note.words for note in query.notes} == {(slip, SLIPS[slip]) for slip in chosen}
    assert all(isinstance(note, Note) and note.remark is Remark.READ_AS for note in query.notes)


def test_a_device_named_like_a_slip_keeps_its_name() -> None:
    query = parse_prompt("mean current of nite today", NOW, known_devices=["nite"])
    assert (query.devices, query.notes) == (("nite",), ())


@pytest.mark.parametrize("text", ["idle time of WLD004 today in hours", "how long was WLD004 idle today, in minutes?"])
def test_the_unit_of_a_duration_needs_no_naming(text: str) -> None:
    assert parse_prompt(text, NOW).unread == ()
