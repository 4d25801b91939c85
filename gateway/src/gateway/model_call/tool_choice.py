"""Which of the offered tools a model may, must or must not call, as OpenAI's two dialects say it."""

from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

MODES: Final = {
    "none": pb.ToolChoice.MODE_NONE,
    "auto": pb.ToolChoice.MODE_AUTO,
    "required": pb.ToolChoice.MODE_REQUIRED,
    "any": pb.ToolChoice.MODE_REQUIRED,
}


def keep_allowed(completion: pb.CompletionRequest, allowed: set[str], mode: str) -> None:
    """Offer only the tools `allowed`; with none of them left there is nothing to call."""
    kept = [tool for tool in completion.tools if tool.name in allowed]
    del completion.tools[:]
    completion.tools.extend(kept)
    completion.tool_choice.mode = MODES[mode] if kept else pb.ToolChoice.MODE_NONE


def choose_named(completion: pb.CompletionRequest, name: str, dropped: list[str]) -> None:
    """Have the tool `name` called, unless it is one that was dropped."""
    if dropped and all(tool.name != name for tool in completion.tools):
        dropped.append("tool_choice")
    else:
        completion.tool_choice.CopyFrom(pb.ToolChoice(mode=pb.ToolChoice.MODE_NAMED, name=name))
