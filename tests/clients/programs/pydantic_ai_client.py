"""pydantic-ai, on chat completions and on responses."""

import asyncio
from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent, ModelHTTPError, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from run import KEY, URL, report

provider = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
QUESTION = "how is the pump?"


class Point(BaseModel):
    x: int


def model(name: str) -> OpenAIChatModel:
    return OpenAIChatModel(f"openai/{name}", provider=provider)


def chat() -> Any:
    result = Agent(model("say")).run_sync(QUESTION)
    used = result.usage() if callable(result.usage) else result.usage
    return {"text": result.output, "tokens": used.input_tokens + used.output_tokens}


def stream() -> Any:
    async def pieces() -> list[str]:
        async with Agent(model("say")).run_stream(QUESTION) as result:
            return [piece async for piece in result.stream_text(delta=True, debounce_by=None)]

    return {"pieces": asyncio.run(pieces())}


def tools() -> Any:
    agent = Agent(model("call"))
    called: list[str] = []

    @agent.tool_plain
    def device_query(device: str) -> str:
        """Read a device."""
        called.append(device)
        return "42"

    text = agent.run_sync(QUESTION).output
    return {"called": "device_query", "with": {"device": called[0]}, "text": text}


def schema() -> Any:
    return Agent(model("json"), output_type=NativeOutput(Point)).run_sync(QUESTION).output.model_dump()


def error() -> Any:
    try:
        Agent(model("fail")).run_sync(QUESTION)
    except ModelHTTPError as failure:
        return {"status": failure.status_code, "message": str(failure.body)}
    return None


def responses() -> Any:
    async def pieces() -> list[str]:
        agent = Agent(OpenAIResponsesModel("openai/say", provider=provider))
        async with agent.run_stream(QUESTION) as result:
            return [piece async for piece in result.stream_text(delta=True, debounce_by=None)]

    text = Agent(OpenAIResponsesModel("openai/say", provider=provider)).run_sync(QUESTION).output
    return {"text": text, "pieces": asyncio.run(pieces())}


report(chat, stream, tools, schema, error, responses)
