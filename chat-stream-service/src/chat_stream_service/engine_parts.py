"""The engines and their tools, put together."""

from dataclasses import dataclass
from importlib.metadata import version

from chat_stream_service.adapters.device_tools import DeviceFeatures, DeviceQuery, DeviceStatistics, ListDevices
from chat_stream_service.adapters.json_schema import JsonSchemaChecker
from chat_stream_service.adapters.llm_service import LlmServiceModel
from chat_stream_service.domain.chat_engine import ChatEngine, TurnLimits
from chat_stream_service.domain.component import Component
from chat_stream_service.domain.engine import Engine
from chat_stream_service.domain.tool_box import ToolBox, ToolLimits
from chat_stream_service.resources import Resources
from chat_stream_service.settings import ChatSettings
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """The engines, and the tools that are served without one."""

    engines: tuple[Engine, ...]
    device_tools: ToolBox


def build_engines(settings: ChatSettings, resources: Resources, clock: Clock, llm: Component) -> EngineParts:
    """Return the engines that the settings describe; the operator's tools begin to connect."""
    feature = resources.feature
    tools = [ListDevices(feature), DeviceStatistics(feature), DeviceQuery(feature), DeviceFeatures(feature)]
    checker = JsonSchemaChecker()
    limits = ToolLimits(timeout=settings.tool_seconds, max_result_characters=settings.max_result_characters)
    resources.operator_tools.start()
    all_tools = ToolBox(tools, checker=checker, limits=limits, sources=resources.operator_tools.sources)
    return EngineParts(
        engines=(_chat_engine(settings, resources, clock, llm, all_tools),),
        device_tools=ToolBox(tools, checker=checker, limits=limits),
    )


def _chat_engine(
    settings: ChatSettings, resources: Resources, clock: Clock, llm: Component, tools: ToolBox
) -> ChatEngine:
    return ChatEngine(
        model=LlmServiceModel(resources.llm),
        tools=tools,
        limits=TurnLimits(
            max_rounds=settings.max_rounds,
            max_tool_calls=settings.max_tool_calls,
            max_chunk_tokens=settings.max_chunk_tokens,
            history_tokens=settings.history_tokens,
        ),
        clock=clock,
        new_id=new_id,
        provider=llm,
        version=version("penstock-chat-stream-service"),
    )
