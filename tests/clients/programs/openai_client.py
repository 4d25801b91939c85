"""The official openai client, of whichever release the interpreter has."""

from typing import Any

import openai
from pydantic import BaseModel
from run import KEY, MESSAGES, SCHEMA, URL, report

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=240)
TOOL: Any = {"type": "function", "function": {"name": "device_query", "parameters": SCHEMA}}


class Point(BaseModel):
    x: int


def chat() -> Any:
    answer = client.chat.completions.create(model="openai/say", messages=MESSAGES)
    assert answer.usage is not None
    return {"text": answer.choices[0].message.content, "tokens": answer.usage.total_tokens}


def stream() -> Any:
    chunks = client.chat.completions.create(model="openai/say", messages=MESSAGES, stream=True)
    return {"pieces": [text for chunk in chunks if (text := chunk.choices[0].delta.content)]}


def tools() -> Any:
    with client.chat.completions.stream(model="openai/call", messages=MESSAGES, tools=[TOOL]) as events:
        message = events.get_final_completion().choices[0].message
    (call,) = message.tool_calls or ()
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "42"}
    turn = [*MESSAGES, message.model_dump(exclude_none=True, exclude={"parsed"}), result]
    answer = client.chat.completions.create(model="openai/call", messages=turn, tools=[TOOL])
    return {"called": call.function.name, "with": call.function.arguments, "text": answer.choices[0].message.content}


def schema() -> Any:
    parsed = client.chat.completions.parse(model="openai/json", messages=MESSAGES, response_format=Point)
    assert parsed.choices[0].message.parsed is not None
    return parsed.choices[0].message.parsed.model_dump()


def embeddings() -> Any:
    answer = client.embeddings.create(model="openai/text-embedding-fake", input=["a", "b"])
    return {"vectors": len(answer.data), "length": len(answer.data[0].embedding)}


def error() -> Any:
    try:
        client.chat.completions.create(model="openai/fail", messages=MESSAGES)
    except openai.BadRequestError as failure:
        return {"status": failure.status_code, "message": failure.message}
    return None


def cancel() -> Any:
    with client.chat.completions.create(model="openai/hang", messages=MESSAGES, stream=True) as chunks:
        return {"first": next(iter(chunks)).choices[0].delta.content}


def responses() -> Any:
    answer = client.responses.create(model="openai/say", input="how is the pump?")
    with client.responses.stream(model="openai/say", input="how is the pump?") as events:
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    return {"text": answer.output_text, "pieces": pieces}


def models() -> Any:
    return {"listed": "openai/say" in [model.id for model in client.models.list()]}


report(chat, stream, tools, schema, embeddings, error, cancel, responses, models)
