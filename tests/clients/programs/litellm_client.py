"""litellm as a client of the gateway."""

from typing import Any

import litellm
from run import KEY, MESSAGES, SCHEMA, URL, report

litellm.suppress_debug_info = True
TOOL = {"type": "function", "function": {"name": "device_query", "parameters": SCHEMA}}
POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


def ask(name: str, messages: Any = MESSAGES, **options: Any) -> Any:
    where: dict[str, Any] = {"api_base": f"{URL}/v1", "api_key": KEY, "timeout": 20, "num_retries": 0}
    return litellm.completion(model=f"openai/openai/{name}", messages=messages, **where, **options)


def chat() -> Any:
    answer = ask("say")
    return {"text": answer.choices[0].message.content, "tokens": answer.usage.total_tokens}


def stream() -> Any:
    return {"pieces": [text for chunk in ask("say", stream=True) if (text := chunk.choices[0].delta.content)]}


def tools() -> Any:
    message = ask("call", tools=[TOOL]).choices[0].message
    (call,) = message.tool_calls
    result = {"role": "tool", "tool_call_id": call.id, "content": "42"}
    answer = ask("call", [*MESSAGES, message.model_dump(exclude_none=True), result], tools=[TOOL])
    text = answer.choices[0].message.content
    return {"called": call.function.name, "with": call.function.arguments, "text": text}


def schema() -> Any:
    form = {"type": "json_schema", "json_schema": {"name": "point", "schema": POINT, "strict": True}}
    return {"x": litellm.utils.json.loads(ask("json", response_format=form).choices[0].message.content)["x"]}


def embeddings() -> Any:
    where: dict[str, Any] = {"api_base": f"{URL}/v1", "api_key": KEY}
    answer = litellm.embedding(model="openai/openai/text-embedding-fake", input=["a", "b"], **where)
    return {"vectors": len(answer.data), "length": len(answer.data[0]["embedding"])}


def error() -> Any:
    try:
        ask("fail")
    except litellm.BadRequestError as failure:
        return {"status": failure.status_code, "message": str(failure)}
    return None


def anthropic() -> Any:
    answer = litellm.completion(
        model="anthropic/openai/say", messages=MESSAGES, api_base=URL, api_key=KEY, max_tokens=9, timeout=240
    )
    return {"text": answer.choices[0].message.content}


report(chat, stream, tools, schema, embeddings, error, anthropic)
