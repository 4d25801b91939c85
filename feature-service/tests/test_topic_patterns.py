"""Patterns of topics: what they match, whose rows a message has, and what is refused."""

import pytest

from feature_service.domain.ingest.topic_pattern import Origin, TopicPattern, origin_of, topic_patterns
from penstock_kit.errors import InvalidArgument


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("plant/{device}/data", "plant/W1/data", Origin(device_code="W1")),
        ("plant/{device}/data", "plant/W1/data/more", None),
        ("plant/{device}/data", "plant/W1", None),
        ("plant/{device}/data", "Plant/W1/data", None),
        ("plant/+/{device}", "plant/hall/W1", Origin(device_code="W1")),
        ("{model}/{device}/#", "weld/W1/a/b", Origin(device_code="W1", model_code="weld")),
        ("{model}/{device}/#", "weld/W1", Origin(device_code="W1", model_code="weld")),
        ("{device}/#", "W1", Origin(device_code="W1")),
        ("#", "a/b/c", Origin()),
        ("plant/+/{device}", "plant//W1", Origin(device_code="W1")),
        ("#", "", None),
        ("#", "$SYS/broker/uptime", None),
        ("+/{device}", "$SYS/broker", None),
        ("{device}/#", "$SYS/broker/uptime", None),
        ("{model}/{device}", "$share/group", None),
        ("$SYS/{device}/#", "$SYS/broker/uptime", Origin(device_code="broker")),
        ("plant/{device}", "plant/$SYS", Origin(device_code="$SYS")),
    ],
)
def test_a_topic_says_whose_rows_its_messages_have(pattern, topic, expected):
    assert TopicPattern.parse(pattern).match(topic) == expected


@pytest.mark.parametrize(
    ("pattern", "topic", "missing"),
    [
        ("plant/{device}", "plant/", "{device}"),
        ("plant/{device}/data", "plant//data", "{device}"),
        ("{model}/{device}/#", "/W1", "{model}"),
        ("{model}/{device}/#", "weld//a", "{device}"),
        ("{device}/#", "/a", "{device}"),
    ],
)
def test_a_topic_whose_level_for_a_name_is_empty_says_nothing_that_a_payload_could_fill_in(pattern, topic, missing):
    with pytest.raises(InvalidArgument, match=missing):
        TopicPattern.parse(pattern).match(topic)
    with pytest.raises(InvalidArgument, match=missing):  # nor does a wider pattern behind it make it anyone's
        origin_of(topic, topic_patterns(f"{pattern}, #"))


@pytest.mark.parametrize(("topic", "why"), [("old/W1", "of no pattern"), ("", "no UTF-8")])
def test_a_topic_of_no_pattern_has_no_origin(topic, why):
    with pytest.raises(InvalidArgument, match=why):
        origin_of(topic, topic_patterns("plant/{device}, plant/#"))


def test_the_broker_is_asked_with_wildcards_for_the_names():
    assert TopicPattern.parse("plant/{model}/{device}/#").filter == "plant/+/+/#"
    assert [str(each) for each in topic_patterns(" a/{device} , b/# ")] == ["a/{device}", "b/#"]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "no topic is named"),
        ("$share/g/plant/{device}", "MQTT_SHARE_GROUP"),
        ("a/#/b", "at its end only"),
        ("a/b+", "'b+'"),
        ("a/{machine}", "'{machine}'"),
        ("{device}/x/{device}", "twice"),
        ("a\0b", "1 to 65535 bytes"),
    ],
)
def test_a_pattern_that_is_none_is_refused_with_what_is_wrong(pattern, why):
    with pytest.raises(InvalidArgument, match=None) as refused:
        topic_patterns(pattern)
    assert why in refused.value.message
    assert refused.value.reason == "TOPIC_INVALID"
