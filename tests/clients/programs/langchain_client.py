"""langchain-openai."""

from typing import Any

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from run import KEY, SCHEMA, URL, report

QUESTION = [HumanMessage("how is the pump?")]
TOOL = {"type": "function", "function": {"name": "device_query", "parameters": SCHEMA}}


class Point(BaseModel):
    """A point."""

    x: int


def model(name: str) -> ChatOpenAI:
    return ChatOpenAI(model=f"openai/{name}", base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=240)


def chat() -> Any:
    answer = model("say").invoke(QUESTION)
    return {"text": answer.content, "tokens": answer.usage_metadata["total_tokens"]}


def stream() -> Any:
    return {"pieces": [chunk.content for chunk in model("say").stream(QUESTION) if chunk.content]}


def tools() -> Any:
    bound = model("call").bind_tools([TOOL])
    asked = bound.invoke(QUESTION)
    (call,) = asked.tool_calls
    answer = bound.invoke([*QUESTION, asked, ToolMessage("42", tool_call_id=call["id"])])
    return {"called": call["name"], "with": call["args"], "text": answer.content}


def schema() -> Any:
    return model("json").with_structured_output(Point, method="json_schema").invoke(QUESTION).model_dump()


def embeddings() -> Any:
    options: dict[str, Any] = {"base_url": f"{URL}/v1", "api_key": KEY, "check_embedding_ctx_length": False}
    vectors = OpenAIEmbeddings(model="openai/text-embedding-fake", **options).embed_documents(["a", "b"])
    return {"vectors": len(vectors), "length": len(vectors[0])}


def error() -> Any:
    try:
        model("fail").invoke(QUESTION)
    except openai.BadRequestError as failure:
        return {"status": failure.status_code, "message": failure.message}
    return None


def cancel() -> Any:
    chunks = model("hang").stream(QUESTION)
    first = next(chunk.content for chunk in chunks if chunk.content)
    chunks.close()
    return {"first": first}


report(chat, stream, tools, schema, embeddings, error, cancel)
