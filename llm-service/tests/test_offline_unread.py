"""No word that says something is dropped: what the rules can't heed is named, wherever it stands in a question."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, StructuredQuery

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)
# Questions of every kind, with a bar where another word can stand.
ENGLISH = (
    "What|was|the|mean|current|of|WLD001|in the last hour|?",
    "highest|temperature|of|WLD002|yesterday|from 9:00 to 10:00|Berlin time",
    "how many|readings|of|WLD001|where current > 200 A|in the last|3 hours|?",
    "what share|of the|welds|on|WLD003|were|not good|today|?",
    "mean|voltage|of|WLD001|when quality_label is porosity|since|8 am",
    "when|was|the|temperature|of|WLD001|highest|today|?",
    "which|machine|has|the|highest|mean|current|today|?",
    "compare|the|max|current|of|WLD001|and|WLD002|this morning",
    "is|the|temperature|of|WLD001|rising|?",
    "any|anomalies|on|WLD004|in the last hour|?",
    "mean|current|of|WLD001|per hour|for|the last 5 hours",
    "95th percentile|of|voltage|for|all|machines|today",
    "correlation|between|current|and|voltage|of|WLD001|yesterday",
    "show|the last 5 readings|of|WLD002",
    "what|is|the|temperature|of|WLD004|right now|in fahrenheit|?",
    "in which|hour|was|WLD002|hottest|yesterday|?",
    "mean|current|of|all|devices|except|WLD002|excluding|undercut",
)
CHINESE = (
    "WLD001|过去一小时|的|平均|电流|是多少|？",
    "WLD002|昨天|上午九点到十点|的|最高|温度",
    "WLD001|最近三小时|电流大于200安|的|有多少条|数据",
    "WLD003|今天|质量不是良好|的|比例",
    "最近两小时|哪台焊机|的|电流|最大|？",
    "比较|WLD001|和|WLD002|今天|的|平均|温度",
    "WLD003|的|温度|在上升吗|？",
    "WLD004|最近一小时|有|异常|吗",
    "WLD004|最近五小时|每小时|的|平均|电流",
    "WLD002|最近一小时|除咬边外|的|平均|电流",
    "WLD001|昨天|什么时候|温度|最高",
)
WORDS = st.one_of(
    st.text(alphabet="bcdfgjklmnpqrvwxz", min_size=6, max_size=10),
    st.sampled_from(["downtime", "shift", "preheat", "maintenance", "holiday", "gearbox", "running", "coolant"]),
)
HAN = st.sampled_from(["雨季", "螺栓", "检修", "空载", "预热", "夜班", "调试", "班组", "上次", "电极"])


def named_in(query: StructuredQuery) -> str:
    """Everything of a question that its answer shows or names as not understood."""
    notes = (word for note in query.notes for word in note.words)
    values = (str(condition.value) for condition in query.conditions)
    notes = (*notes, *query.counted_as)
    said = (*query.unread, *notes, *values, *query.fields, *query.devices, *query.except_devices, query.refused)
    return " ".join(said)


@st.composite
def questions(draw: st.DrawFn, templates: tuple[str, ...], words: st.SearchStrategy[str], glue: str) -> tuple[str, str]:
    """A question into which a word was put at any place, and that word."""
    parts, word = draw(st.sampled_from(templates)).split("|"), draw(words)
    at = draw(st.integers(0, len(parts)))
    return glue.join([*parts[:at], word, *parts[at:]]), word


@settings(max_examples=600, deadline=None)
@given(asked=questions(ENGLISH, WORDS, " "))
def test_an_unknown_word_anywhere_in_an_english_question_is_named(asked: tuple[str, str]) -> None:
    text, word = asked
    query = parse_prompt(text, NOW)
    assert query.intent is not Intent.CHAT, text
    assert word in named_in(query), text


@settings(max_examples=500, deadline=None)
@given(asked=questions(CHINESE, HAN, ""))
def test_an_unknown_word_anywhere_in_a_chinese_question_is_named(asked: tuple[str, str]) -> None:
    text, word = asked
    query = parse_prompt(text, NOW)
    assert query.intent is not Intent.CHAT, text
    assert word in named_in(query) or all(each in named_in(query) for each in word), text


# What somebody from the shop adds, whose words of content no rule knows; each of them has to be named.
FOREIGN = (
    *("because of the new customer", "after the crane was moved", "with the blue nozzle", "for the audit report"),
    *("under supervision of the trainee", "since the filter got swapped", "per apprentice", "for steel parts only"),
    *("before the coffee pause", "on thick plates", "compared to the competition", "when the roof leaks"),
    *("except during lunchtime cleaning", "without the grinding", "for the Kowalski order", "near the north gate"),
)
LITTLE = frozenset(
    [
        "because",
        "of",
        "the",
        "new",
        "after",
        "was",
        "with",
        "for",
        "under",
        "since",
        "got",
        "per",
        "on",
        "to",
        "when",
        "except",
        "during",
        "without",
        "near",
        "compared",
        "before",
        "only",
        "moved",
        "report",
        "order",
        "pause",
        "lunchtime",
    ]
)
FOREIGN_ZH = (
    "换了喷嘴以后",
    "给客户审核用",
    "靠近北门的",
    "厚板上",
    "学徒操作时",
    "打磨期间",
    "涂装之后",
    "返工的时候",
    "按供应商",
)
LITTLE_ZH = frozenset("了以后给用的上时候期间之按")


def missing(words: Sequence[str], query: StructuredQuery) -> list[str]:
    named = named_in(query).lower()
    return [word for word in words if word.lower() not in named]


@settings(max_examples=5000, deadline=None)
@given(template=st.sampled_from(ENGLISH), words=st.tuples(WORDS, WORDS), places=st.tuples(*[st.integers(0, 30)] * 2))
def test_two_unknown_words_anywhere_are_both_named(
    template: str, words: tuple[str, str], places: tuple[int, int]
) -> None:
    pieces = template.split("|")
    for word, place in zip(words, places, strict=True):
        pieces.insert(place % (len(pieces) + 1), word)
    text = " ".join(pieces)
    query = parse_prompt(text, NOW)
    assert query.intent is not Intent.CHAT, text
    assert not missing(words, query), (text, query.unread)


def with_each(phrases: Sequence[str], template: str, glue: str) -> Iterator[tuple[str, str]]:
    """Every question into which one of the phrases was put, at every place, and that phrase."""
    parts = template.split("|")
    for phrase in phrases:
        for at in range(len(parts) + 1):
            yield glue.join([*parts[:at], phrase, *parts[at:]]), phrase


@pytest.mark.parametrize("template", ENGLISH)
def test_of_a_foreign_phrase_each_word_of_content_is_named(template: str) -> None:
    for text, phrase in with_each(FOREIGN, template, " "):
        query = parse_prompt(text, NOW)
        assert query.intent is not Intent.CHAT, text
        assert not missing([word for word in phrase.split() if word not in LITTLE], query), (text, query.unread)


@pytest.mark.parametrize("template", CHINESE)
def test_of_a_foreign_chinese_phrase_each_character_of_content_is_named(template: str) -> None:
    for text, phrase in with_each(FOREIGN_ZH, template, ""):
        query = parse_prompt(text, NOW)
        assert query.intent is not Intent.CHAT, text
        assert not missing([each for each in phrase if each not in LITTLE_ZH], query), (text, query.unread)


@pytest.mark.parametrize("template", [*ENGLISH, *CHINESE])
def test_without_such_a_word_nothing_is_named(template: str) -> None:
    glue = " " if template in ENGLISH else ""
    assert parse_prompt(template.replace("|", glue), NOW).unread == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mean current of WLD001 during welding in the last hour", "welding"),
        ("WLD001 焊接时的平均电流", "焊接"),
        ("WLD001 上次的平均电流", "上次"),
        ("total gas flow of WLD001 today", "total"),
        ("distribution of the current of WLD001 today", "distribution"),
        ("mean current of WLD001 with porosity or undercut", "undercut"),
        ("trend of WLD001 and any anomalies today", "trend"),
        ("mean voltage of WLD001 where current is not between 50 and 100 A", "not"),
    ],
)
def test_words_that_were_dropped_once_are_named(text: str, named: str) -> None:
    assert named in named_in(parse_prompt(text, NOW))


def test_more_words_than_can_be_listed_are_counted() -> None:
    words = " the ".join(["gearbox", "overtime", "layover", "holiday", "preheat", "warmup", "calm"])
    assert parse_prompt(f"mean current of WLD001 today {words}", NOW).unread[-1] == "… (+2)"
