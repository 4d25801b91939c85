"""Reading a prompt: the rules that make a StructuredQuery of it.

A prompt is cut to a bounded length (prompt), into tokens (token), into phrases (lexicon); then each rule walks over
the phrases once and marks those it understood. What no rule marked and is not an empty word is `unread`. No regular
expression runs over the prompt, and no rule looks further than a fixed number of phrases, so that the work is linear
in what is read, which is bounded. See docs/adr on why there are rules and no small model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from llm_service.domain.offline.at_once import find_at_once, with_at_once
from llm_service.domain.offline.break_asked import with_break
from llm_service.domain.offline.comparative_asked import with_comparative
from llm_service.domain.offline.condition import find_conditions
from llm_service.domain.offline.counted_interval import find_counted_interval
from llm_service.domain.offline.counted_machines import with_counted_machines
from llm_service.domain.offline.course_asked import with_course
from llm_service.domain.offline.day_after import with_day_after
from llm_service.domain.offline.device import find_devices
from llm_service.domain.offline.device_number import numbered_devices
from llm_service.domain.offline.doing_asked import with_doing
from llm_service.domain.offline.doubled_verb import undoubled
from llm_service.domain.offline.extent_asked import with_extent
from llm_service.domain.offline.flag_asked import with_flag
from llm_service.domain.offline.flow_asked import with_flow
from llm_service.domain.offline.german import in_english
from llm_service.domain.offline.gist_asked import with_gist
from llm_service.domain.offline.homophone import correct_homophones
from llm_service.domain.offline.judged_value import find_judged
from llm_service.domain.offline.label_condition import asks_for_none, enumerates, find_labels
from llm_service.domain.offline.labels_against import with_labels_against
from llm_service.domain.offline.lasting_stop import with_lasting
from llm_service.domain.offline.latest_spells import find_latest
from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.longer_asked import with_longer
from llm_service.domain.offline.mean_time import with_mean_time
from llm_service.domain.offline.measure import (
    find_interval,
    find_percentiles,
    find_rows,
    find_unit,
    find_when,
    use_kilowatt_hours,
)
from llm_service.domain.offline.newest_asked import with_newest
from llm_service.domain.offline.odd_asked import with_odd
from llm_service.domain.offline.oee_asked import with_oee
from llm_service.domain.offline.part_of_time import with_part_of_time
from llm_service.domain.offline.power_asked import with_power
from llm_service.domain.offline.predicate import read_predicate
from llm_service.domain.offline.presence_asked import with_presence
from llm_service.domain.offline.prompt import readable_prompt
from llm_service.domain.offline.qualifier import find_decimals, find_top, use_shifts, with_shifts
from llm_service.domain.offline.quality_question import read_quality
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.query_writer import query_of
from llm_service.domain.offline.ratio import with_ratio
from llm_service.domain.offline.reach_asked import with_reach
from llm_service.domain.offline.reading import Reading
from llm_service.domain.offline.reason_asked import with_reason
from llm_service.domain.offline.recently_asked import with_recently
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.share_of_all import with_share_of_all
from llm_service.domain.offline.shop_talk import read_or_not, read_weld_number
from llm_service.domain.offline.short_words import read_short_words
from llm_service.domain.offline.slip import correct_slips
from llm_service.domain.offline.spell import find_spells
from llm_service.domain.offline.spelling import correct_spelling
from llm_service.domain.offline.standing_asked import with_standing
from llm_service.domain.offline.start_asked import with_starts
from llm_service.domain.offline.state import find_states
from llm_service.domain.offline.statistic_again import find_statistic_again
from llm_service.domain.offline.than_time import read_than_time
from llm_service.domain.offline.time_range import find_times
from llm_service.domain.offline.times_against import with_times_against
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.told_in import with_told_in
from llm_service.domain.offline.topic import find_topic
from llm_service.domain.offline.transition_asked import with_transition
from llm_service.domain.offline.trouble_asked import with_trouble
from llm_service.domain.offline.two_times import of_the_day
from llm_service.domain.offline.unbroken_asked import with_unbroken
from llm_service.domain.offline.unread import unread_negation, unread_phrases
from llm_service.domain.offline.usual_asked import with_usual
from llm_service.domain.offline.verdict import with_sides
from llm_service.domain.offline.vocabulary import known_names, language_of, lexicon
from llm_service.domain.offline.weld_each import with_weld_each
from llm_service.domain.offline.which_time import with_which_time
from llm_service.domain.offline.window import find_window
from llm_service.domain.offline.word_device import settle_word_devices
from llm_service.domain.offline.worker import Checkpoint, unchecked

_INTRODUCTION = 6
_NARROWING = frozenset({"only", "just", "只", "只看", "只算", "仅"})
_OWNERS = frozenset({"its", "它的", "它", "这台", "那台"})
# These mean a device only where something of its own is asked.
_WEAK_OWNERS = frozenset({"it", "is it", "does it", "has it", "had it", "that one", "that machine"})
_IS_IT = frozenset({"is it", "was it", "were they", "are they", "has it been"})
_PRONOUNS = frozenset({"it", "they", "that", "there", "we", "you"})
_GREETINGS = frozenset({"morning", "afternoon", "evening", "早", "早上", "晚上", "下午"})
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def parse_prompt(
    text: str,
    now: datetime,
    *,
    known_devices: Sequence[str] = (),
    known_fields: Sequence[str] = (),
    device_names: Mapping[str, str] = NO_NAMES,
    checkpoint: Checkpoint = unchecked,
) -> StructuredQuery:
    """Return what `text` asks for, in English or Chinese.

    `now` is timezone-aware; times without a zone are in its zone. `known_devices`, `known_fields` and
    `device_names` (code by name) help to recognise names, and to spell them as they are. Deterministic: no model
    is asked.
    """
    return read_prompt(text, now, known_names(known_devices, device_names, known_fields), checkpoint=checkpoint)


def read_prompt(text: str, now: datetime, known: Lexicon, *, checkpoint: Checkpoint = unchecked) -> StructuredQuery:
    """Return what `text` asks for at `now`, as :func:`parse_prompt` does, with `known` the names that the asker has."""
    readable = readable_prompt(text)
    checkpoint()
    written, slips = correct_slips(in_english(tokenize(readable.text), lexicon(), known), lexicon(), known)
    tokens, heard = correct_homophones(undoubled(written, lexicon()), lexicon(), known)
    sentence = Sentence(lexemes_of(tokens, lexicon(), known))
    settle_word_devices(sentence, known)
    reading = Reading(notes=(*slips, *heard, *correct_spelling(sentence, (lexicon(), known))))
    checkpoint()
    _prepare(sentence, reading)
    reading.model_code = _model_code(sentence)
    reading.window_size, reading.window_length = find_window(sentence)
    reading.decimals = find_decimals(sentence)
    reading.percentiles = find_percentiles(sentence)
    numbered = numbered_devices(sentence)
    reading.latest = find_latest(sentence)
    reading.rows = find_rows(sentence)
    reading.counted_width = find_counted_interval(sentence)
    reading.again = find_statistic_again(sentence)
    reading.interval = find_interval(sentence)
    use_kilowatt_hours(sentence)
    reading.conditions, reading.any_condition = find_conditions(sentence)
    reading.spells = find_spells(sentence)
    reading.times = find_times(sentence, now)
    reading.top = find_top(sentence)
    reading.devices = find_devices(sentence, numbered)
    checkpoint()
    if reading.times.clocked:
        use_shifts(sentence, reading.times.ranges)
    else:
        reading.times = with_shifts(sentence, reading.times, now)
    read_than_time(sentence, reading)
    reading.judged = find_judged(sentence)
    read_predicate(sentence)
    _ask_whether(sentence)
    _add_conditions(sentence, reading)
    reading.when = find_when(sentence)
    reading.unit = find_unit(sentence)
    reading.topic = find_topic(sentence, reading)
    read_quality(sentence, reading)
    reading.same_time = not reading.at_once and any(Kind.SAME_TIME in each.senses for each in sentence.lexemes)
    reading.narrows = any(lexeme.text in _NARROWING for lexeme in sentence.lexemes)
    reading.adds = _adds(sentence)
    owners = [at for at in range(len(sentence)) if sentence.text(at) in _OWNERS and at not in sentence.used]
    own = reading.topic.fields or reading.conditions
    weak = any(
        sentence.text(at).removeprefix("did ").removeprefix("was ") in _WEAK_OWNERS for at in range(len(sentence))
    )
    reading.owner = sentence.raw(owners[0]) if owners else "it" if weak and own else ""
    reading.negation = unread_negation(sentence, reading)
    query = query_of(reading, language_of(readable.text), unread_phrases(sentence, reading))
    settled = with_at_once(_settled(query, sentence, now), sentence, said=reading.at_once)
    return _compared(with_counted_machines(with_weld_each(settled, sentence), reading), sentence, reading)


def _compared(query: StructuredQuery, sentence: Sentence, reading: Reading) -> StructuredQuery:
    """Return `query` as one that sets machines, labels or times against each other, where it asks for that."""
    against = with_labels_against(with_longer(query, sentence, reading), sentence, reading)
    return with_sides(with_which_time(with_times_against(against, sentence, reading), sentence, reading))


def _settled(query: StructuredQuery, sentence: Sentence, now: datetime) -> StructuredQuery:
    """Return `query` as what a word of `sentence` makes of the whole: usual, a ratio, a start, the newest readings."""
    query = with_ratio(with_usual(of_the_day(query, sentence, now), sentence, now), sentence)
    query = with_power(with_break(with_newest(with_starts(query, sentence), sentence), sentence), sentence)
    query = with_course(with_doing(query, sentence), sentence)
    query = with_day_after(with_part_of_time(query, sentence), sentence, now)
    query = with_reason(with_mean_time(with_lasting(query, sentence), sentence), sentence)
    query = with_recently(with_trouble(with_told_in(with_oee(query, sentence), sentence), sentence), sentence, now)
    query = with_comparative(with_extent(with_gist(query, sentence), sentence), sentence)
    query = with_flag(with_unbroken(with_presence(query, sentence), sentence), sentence)
    query = with_share_of_all(with_reach(query, sentence), sentence)
    return with_odd(with_transition(with_flow(with_standing(query, sentence), sentence), sentence), sentence)


def _prepare(sentence: Sentence, reading: Reading) -> None:
    """Pass over what says nothing at the ends, and put short talk in the words of the rules."""
    _skip_greeting(sentence)
    _skip_introduction(sentence)
    _skip_tag(sentence)
    read_or_not(sentence)
    read_weld_number(sentence)
    read_short_words(sentence)
    reading.at_once = find_at_once(sentence)


def _skip_greeting(sentence: Sentence) -> None:
    """ "Morning, what was …": the word in front says no time."""
    if sentence.text(0) in _GREETINGS and sentence.text(1) in {",", "!", "，", "！", ".", "all"}:
        sentence.use(0, 1)


def _adds(sentence: Sentence) -> bool:
    """ "Plus the median", "再加上标准差": whether a statistic is asked for besides others; mark the words."""
    for at in range(len(sentence)):
        together = sentence.text(at) == "加" and sentence.text(at + 1) == "上"
        after = sentence.skip(at + 1 + together, (Kind.FILLER,))
        if (together or sentence.text(at) == "plus") and Kind.STATISTIC in sentence.lexeme_senses(after):
            sentence.use(at, after)
            return True
    return False


def _skip_introduction(sentence: Sentence) -> None:
    """ "Maintenance: …", "QA here - …": who asks says nothing of what is asked."""
    kinds = (
        Kind.DEVICE,
        Kind.DEVICE_WORD,
        Kind.ORDINAL,
        Kind.NUMBER,
        Kind.GROUP,
        Kind.STATISTIC,
        Kind.DAY,
        Kind.RELATIVE_PERIOD,
        Kind.WEEKDAY,
        Kind.OPERATOR,
        Kind.NOT,
    )
    for end in range(1, min(_INTRODUCTION, len(sentence) - 1)):
        here = sentence.text(end - 1) == "here" and sentence.text(end) in {",", ".", "-", "–", ":"}
        if not here and sentence.text(end) not in {":", "："}:
            continue
        named = any(sentence.has(at, kind) for at in range(end) for kind in kinds)
        measured = any(sentence.has(at, Kind.FIELD) for at in range(end)) and not here
        coded = any(map(str.isdecimal, "".join(sentence.text(at) for at in range(end))))
        if not named and not measured and not coded:
            sentence.use(0, end + 1)
        return


def _ask_whether(sentence: Sentence) -> None:
    """ "Is it running?": before a state these ask for yes or no, which they don't elsewhere ("how hot is it")."""
    first = sentence.skip(0, (Kind.FOLLOW, Kind.AND))
    state = sentence.has(first + 1, Kind.STATE) or sentence.has(first + 2, Kind.STATE)
    if sentence.text(first) in _IS_IT and state:
        lexeme = sentence.lexemes[first]
        sentence.lexemes[first] = replace(lexeme, senses={**lexeme.senses, Kind.WHETHER: None})


def _skip_tag(sentence: Sentence) -> None:
    """ "…, didn't it?" turns nothing round."""
    end = len(sentence)
    while end > 0 and sentence.text(end - 1) in {"?", ".", "!"}:
        end -= 1
    turned = sentence.text(end - 1) in _PRONOUNS and sentence.has(end - 2, Kind.NOT)
    if turned and end > 3 and sentence.text(end - 3) in {",", ";", "-"}:
        sentence.use(end - 3, end)


def _add_conditions(sentence: Sentence, reading: Reading) -> None:
    """Add the conditions that labels and states are; alternatives of both kinds together stay unread."""
    reading.by_label = not reading.conditions and enumerates(sentence)
    reading.none = asks_for_none(sentence)
    labels, any_label = find_labels(sentence, alternatives=not reading.conditions, asked=reading.by_label)
    reading.by_label = reading.by_label or (any_label and not labels)
    reading.any_condition = reading.any_condition or (any_label and bool(labels))
    reading.conditions += labels
    if not reading.any_condition:
        single = reading.latest > 0 or reading.spells.each or reading.spells.least is not None
        ranked, rate = (interval.which, interval.of_state) if (interval := reading.interval) else (False, False)
        states = find_states(sentence, reading.conditions, asked=single, ranked=ranked, rate=rate)
        reading.conditions += states.conditions
        reading.state = bool(states.conditions)
        reading.notes += states.notes


def _model_code(sentence: Sentence) -> str:
    """ "model welding_ai_model", "数据模型 welding_ai_model": a word with an underscore after "model"."""
    for at in range(1, len(sentence)):
        raw = sentence.raw(at)
        led = next((back for back in (1, 2, 3) if sentence.text(at - back) in {"model", "models", "型"}), 0)
        if led and "_" in raw.strip("_") and not sentence.has(at, Kind.FIELD):
            start = at - led - (sentence.text(at - led) == "型")
            sentence.use(start - (sentence.text(start - 1) in {"data", "数据"}), at + 1)
            return raw
    return ""
