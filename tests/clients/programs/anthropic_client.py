"""The official anthropic client, answered by models that are not Anthropic's."""

from typing import Any

import anthropic
from pydantic import BaseModel
from run import KEY, MESSAGES, SCHEMA, URL, report

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=240)
ASK: dict[str, Any] = {"messages": MESSAGES, "max_tokens": 100}
TOOL: Any = {"name": "device_query", "input_schema": SCHEMA}


class Point(BaseModel):
    x: int


def chat() -> Any:
    answer = client.messages.create(model="openai/say", **ASK)
    usage = answer.usage
    tokens = usage.input_tokens + (usage.cache_read_input_tokens or 0) + usage.output_tokens
    return {"text": answer.content[0].text, "tokens": tokens}


def stream() -> Any:
    with client.messages.stream(model="openai/say", **ASK) as events:
        return {"pieces": list(events.text_stream)}


def tools() -> Any:
    with client.messages.stream(model="openai/call", **ASK, tools=[TOOL]) as events:
        message = events.get_final_message()
    (call,) = message.content
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "42"}
    turn: Any = [*MESSAGES, message.to_param(), {"role": "user", "content": [result]}]
    answer = client.messages.create(model="openai/call", max_tokens=100, messages=turn, tools=[TOOL])
    return {"called": call.name, "with": call.input, "text": answer.content[0].text}


def schema() -> Any:
    parsed = client.messages.parse(model="openai/json", **ASK, output_format=Point).parsed_output
    assert parsed is not None
    return parsed.model_dump()


def error() -> Any:
    try:
        client.messages.create(model="openai/fail", **ASK)
    except anthropic.BadRequestError as failure:
        return {"status": failure.status_code, "message": failure.message}
    return None


def cancel() -> Any:
    with client.messages.stream(model="openai/hang", **ASK) as events:
        return {"first": next(iter(events.text_stream))}


def count() -> Any:
    counted = client.messages.count_tokens(model="openai/say", messages=MESSAGES)
    return {"counted": counted.input_tokens > 0}


report(chat, stream, tools, schema, error, cancel, count)
