"""Guards: pairs of questions that no similarity tells apart, and rewordings that they must let through."""

import pytest

from cache_service.domain.semantic.guards import GUARDS, refusing_guard
from penstock_kit.text import read_text


@pytest.mark.parametrize(
    ("guard", "first", "second"),
    [
        ("number", "Keep the logs for 3 days?", "Keep the logs for 30 days?"),
        ("number", "Name two causes of wear", "Name four causes of wear"),
        ("number", "Is -10 allowed?", "Is 10 allowed?"),
        ("number", "列出三个原因", "列出五个原因"),
        ("number", "Is 1,500 rpm too fast?", "Is 15,000 rpm too fast?"),
        ("unit", "Is 4 bar too much?", "Is 4 psi too much?"),
        ("unit", "How long is 5 km on foot?", "How long is 5 m on foot?"),
        ("unit", "保存5天可以吗？", "保存5小时可以吗？"),
        ("code", "What does E17 mean?", "What does E71 mean?"),
        ("code", "Where is WLD001?", "Where is WLD002?"),
        ("code", "Is 10.0.0.1 free?", "Is 10.0.0.2 free?"),
        ("code", "What does MAX_ROWS do?", "What does MAX_COLUMNS do?"),
        ("code", "WLD001在哪里？", "WLD002在哪里？"),
        ("date", "Is it open on Tuesday?", "Is it open on Thursday?"),
        ("date", "Who starts at 8 am?", "Who starts at 8 pm?"),
        ("date", "What happened on 2024-05-01?", "What happened on 2024-01-05?"),
        ("date", "What is planned for May?", "What is planned for June?"),
        ("date", "周三开门吗？", "周五开门吗？"),
        ("zone", "What is 10:00 UTC here?", "What is 10:00 CET here?"),
        ("zone", "Is 9:00 Europe/Berlin too early?", "Is 9:00 Asia/Tokyo too early?"),
        ("negation", "Which pumps need oil?", "Which pumps don't need oil?"),
        ("negation", "Can I weld with gas?", "Can I weld without gas?"),
        ("negation", "Is this mode safe?", "Is this mode unsafe?"),
        ("negation", "哪些泵需要油？", "哪些泵不需要油？"),
        ("negation", "Is the seal complete?", "Is the seal incomplete?"),
        ("negation", "Is the load balanced?", "Is the load imbalanced?"),
        ("negation", "Is the reading regular?", "Is the reading irregular?"),
        ("negation", "Is the setting legal?", "Is the setting illegal?"),
        ("negation", "Is the gas toxic?", "Is the gas nontoxic?"),
        ("negation", "Is the hose connected?", "Is the hose disconnected?"),
        ("negation", "这个方法见效吗？", "这个方法无效吗？"),
        ("direction", "How do I turn the light on?", "How do I turn the light off?"),
        ("direction", "How do I enable alerts?", "How do I disable alerts?"),
        ("direction", "Which rows come before the gap?", "Which rows come after the gap?"),
        ("direction", "如何上传报告？", "如何下载报告？"),
        ("direction", "怎么增加流量？", "怎么减少流量？"),
        ("order", "Convert metres to feet", "Convert feet to metres"),
        ("order", "Does the fan cool the motor?", "Does the motor cool the fan?"),
        ("order", "How do I get from Rome to Oslo?", "How do I get from Oslo to Rome?"),
        ("order", "What is 8 minus 2?", "What is 2 minus 8?"),
        ("order", "Keep Redis clusters and Kafka clusters", "Keep Kafka clusters and Redis clusters"),
        ("order", "Redis比Kafka快吗？", "Kafka比Redis快吗？"),
        ("quote", "Translate 'house' to French", "Translate 'mouse' to French"),
        ("name", "Who won against Berlin in the final of the Alpine cup?", "Who won against Munich in the end?"),
        ("intent", "How do I drain the tank?", "Why do I drain the tank?"),
        ("intent", "How does it restart?", "Does it restart?"),
        ("intent", "怎么排空水箱？", "为什么排空水箱？"),
        ("word", "What is the price of copper?", "What is the price of steel?"),
        ("word", "Write a test for the parser", "Write a test for the lexer"),
        ("word", "List the valves", "List the leaking valves"),
        ("word", "如何更换轴承？", "如何更换齿轮？"),
        ("language", "什么是泵？", "What is a pump?"),
    ],
)
def test_what_differs_in_one_thing_that_matters_is_refused_by_name(guard: str, first: str, second: str) -> None:
    here, there = read_text(first), read_text(second)
    assert GUARDS[guard](here, there)
    assert refusing_guard(here, there)
    assert refusing_guard(there, here)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("How do I drain the tank?", "What is the procedure for draining the tank?"),
        ("Which port does Redis use?", "What port is used by Redis?"),
        ("What's the largest pump?", "what is the biggest pump"),
        ("How do I reboot the router?", "Please tell me how I can restart the router."),
        ("Compare Redis and Kafka", "Compare Kafka and Redis"),
        ("Compare Redis clusters and Kafka clusters", "Compare Kafka clusters and Redis clusters"),
        (
            "The difference of a Redis cluster and a Kafka cluster",
            "The difference of a Kafka cluster and a Redis cluster",
        ),
        ("Redis集群和Kafka集群的区别是什么？", "Kafka集群和Redis集群的区别是什么？"),
        ("How far is Oslo from Rome?", "How far is Rome to Oslo?"),
        ("What is the difference between 5 bar and 10 bar?", "What's the difference between 10 bar and 5 bar?"),
        ("Is 1,000 rpm fast?", "Is 1000 rpm fast?"),
        ("Does 20 °C suit it?", "Does 20 degrees Celsius suit it?"),
        ("怎么排空水箱？", "水箱怎么排空？"),
        ("如何更换轴承？", "请问怎样更换轴承"),
        ("WLD001的最高温度是多少？", "WLD001最高温度是多少"),
        ("Which devices don't need oil?", "What devices do not need oil?"),
    ],
)
def test_rewordings_pass_every_guard(first: str, second: str) -> None:
    assert refusing_guard(read_text(first), read_text(second)) == ""


def test_questions_worded_anew_are_left_to_the_similarity() -> None:
    here = read_text("Our boiler gives no warm water since the pump was exchanged, what might have happened?")
    there = read_text("Heating broken after maintenance: likely causes?")
    assert not GUARDS["word"](here, there)
