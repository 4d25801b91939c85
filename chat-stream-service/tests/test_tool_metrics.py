"""What is measured of tools: by name, for a bounded number of names."""

from typing import Any

from prometheus_client import CollectorRegistry

from chat_stream_service.adapters.prometheus import ToolMetrics
from chat_stream_service.domain.tools.tool_statistics import ToolStatistics


async def test_calls_errors_and_seconds_are_counted_by_tool(chat: Any) -> None:
    registry = CollectorRegistry()
    ToolMetrics(registry, chat.services.tool_statistics)
    wanted = [
        ("device_statistics", '{"device_code": "WLD001"}'),
        ("device_statistics", '{"device_code": "NOPE"}'),
        ("invented_by_a_model", "{}"),
    ]
    chat.llm.rounds = [chat.calls(*wanted), chat.says("So be it.")]
    await chat.answer(await chat.conversation(), "What about WLD001?")

    def value(name: str, tool: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"penstock_tool_{name}", {"tool": tool, **labels})

    assert (value("calls_total", "device_statistics"), value("errors_total", "device_statistics")) == (2, 1)
    assert (value("calls_total", "other"), value("errors_total", "other")) == (1, 1)
    assert value("seconds_count", "device_statistics") == 2
    spent = chat.services.tool_statistics.tools["device_statistics"].seconds
    assert value("seconds_sum", "device_statistics") == spent > 0
    assert value("seconds_bucket", "device_statistics", le="+Inf") == 2
    assert value("calls_total", "invented_by_a_model") is None


def test_no_more_than_two_hundred_tools_get_a_name_of_their_own() -> None:
    statistics = ToolStatistics()
    for number in range(1000):
        statistics.called(f"tool_{number}", known=True, is_error=False, seconds=40)
    assert len(statistics.tools) == 201
    assert statistics.tools["other"].calls == 800
    assert statistics.tools["tool_0"].buckets[-1] == 1
