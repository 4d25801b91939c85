"""instructor on the openai client."""

from typing import Any

import instructor
import openai
from instructor.core import InstructorRetryException
from pydantic import BaseModel
from run import KEY, MESSAGES, URL, report

plain = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=240)


class Point(BaseModel):
    x: int


class device_query(BaseModel):  # noqa: N801 - the tool's name
    device: str


def schema() -> Any:
    client = instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA)
    ask: Any = {"model": "openai/json", "messages": MESSAGES, "max_retries": 0}
    return client.chat.completions.create(response_model=Point, **ask).model_dump()


def partial() -> Any:
    client = instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA)
    points = client.chat.completions.create_partial(model="openai/json", messages=MESSAGES, response_model=Point)
    return list(points)[-1].model_dump()


def tools() -> Any:
    client = instructor.from_openai(plain, mode=instructor.Mode.TOOLS)
    ask: Any = {"model": "openai/call", "messages": MESSAGES, "max_retries": 0}
    made = client.chat.completions.create(response_model=device_query, **ask)
    return {"called": "device_query", "with": made.model_dump()}


def error() -> Any:
    client = instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA)
    try:
        client.chat.completions.create(model="openai/fail", messages=MESSAGES, response_model=Point, max_retries=0)
    except InstructorRetryException as failure:
        return {"status": 400 if "400" in str(failure) else 0, "message": str(failure)}
    return None


report(schema, partial, tools, error)
