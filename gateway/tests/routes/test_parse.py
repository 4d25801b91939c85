"""POST /api/v1/llm/parse tells every part of the query."""

from google.protobuf.duration_pb2 import Duration
from penstock.llm.v1 import llm_pb2 as pb

from gateway.convert.provider import query_from_proto


def test_the_parts_of_a_query_are_told_and_what_was_not_said_is_null() -> None:
    query = pb.StructuredQuery(
        intent="statistics",
        conditions=[
            pb.QueryCondition(field="current", operator=">", number=200, unit="A"),
            pb.QueryCondition(field="quality_label", operator="=", text="good"),
        ],
        percentiles=[95],
        interval=Duration(seconds=600),
        unread=["shift"],
        excluded_devices=["WLD002"],
        all_devices=True,
    )
    shown = query_from_proto(pb.ParsePromptResponse(query=query, source="rules"))
    assert shown["conditions"] == [
        {"field": "current", "operator": ">", "value": 200.0, "unit": "A"},
        {"field": "quality_label", "operator": "=", "value": "good", "unit": None},
    ]
    assert (shown["percentiles"], shown["interval_seconds"], shown["unread"]) == ([95.0], 600.0, ["shift"])
    assert (shown["all_devices"], shown["excluded_devices"]) == (True, ["WLD002"])
    assert [shown[name] for name in ("row_limit", "unit", "time_zone", "refused")] == [None] * 4
