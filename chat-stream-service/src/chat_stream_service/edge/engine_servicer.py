"""EngineService over gRPC: engines, personalities, prompt templates."""

# The methods have the RPCs' names.
# ruff: noqa: N802

import asyncio
from collections.abc import Callable
from typing import Any, Final

from penstock.chat.v1 import chat_pb2, chat_pb2_grpc

from chat_stream_service.domain.conversations.personality import DEFAULT_PAGE, PersonalityStore, TemplateStore
from chat_stream_service.domain.engines.current_engine import CurrentEngine
from chat_stream_service.domain.engines.registry import EngineRegistry
from chat_stream_service.edge.convert import caller_owner
from chat_stream_service.edge.convert_conversation import (
    engine_to_proto,
    page_size,
    personality_from_proto,
    personality_to_proto,
    template_from_proto,
    template_to_proto,
)
from penstock_kit.clock import Clock
from penstock_kit.role import require_admin, require_operator

_PAGE: Final = {"default": DEFAULT_PAGE, "most": 200}


class EngineServicer(chat_pb2_grpc.EngineServiceServicer):
    """Engines and their switch, for operators; personalities and templates of the caller's tenant, which its
    administrators change."""

    def __init__(
        self,
        *,
        engines: EngineRegistry,
        current_engine: CurrentEngine,
        personalities: PersonalityStore,
        templates: TemplateStore,
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._engines = engines
        self._current_engine = current_engine
        self._personalities = personalities
        self._templates = templates
        self._clock = clock
        self._new_id = new_id

    async def ListEngines(self, request: chat_pb2.ListEnginesRequest, context: Any) -> chat_pb2.ListEnginesResponse:
        """List engines with their health."""
        engines = self._engines.engines()
        health = await asyncio.gather(*(engine.health_check() for engine in engines))
        current = self._engines.current
        infos = [engine.get_engine_info() for engine in engines]
        shown = [
            engine_to_proto(info, state, current=info.name == current)
            for info, state in zip(infos, health, strict=True)
        ]
        return chat_pb2.ListEnginesResponse(engines=shown, current=current)

    async def SetCurrentEngine(
        self, request: chat_pb2.SetCurrentEngineRequest, context: Any
    ) -> chat_pb2.SetCurrentEngineResponse:
        """Switch the engine of new turns, on every replica."""
        require_operator("switch the engine")
        previous = await self._current_engine.switch(request.name)
        return chat_pb2.SetCurrentEngineResponse(current=self._engines.current, previous=previous)

    async def CreatePersonality(
        self, request: chat_pb2.CreatePersonalityRequest, context: Any
    ) -> chat_pb2.CreatePersonalityResponse:
        """Create a personality."""
        require_admin("change personalities")
        now = self._clock.now()
        made = personality_from_proto(request.personality, item_id=self._new_id("per"), created=now, now=now)
        await self._personalities.create(caller_owner(), made.check())
        return chat_pb2.CreatePersonalityResponse(personality=personality_to_proto(made))

    async def ListPersonalities(
        self, request: chat_pb2.ListPersonalitiesRequest, context: Any
    ) -> chat_pb2.ListPersonalitiesResponse:
        """List personalities, oldest first."""
        size = page_size(request.page_size, **_PAGE)
        page = await self._personalities.list_page(caller_owner(), size=size, token=request.page_token)
        return chat_pb2.ListPersonalitiesResponse(
            personalities=[personality_to_proto(item) for item in page.items], next_page_token=page.next_token
        )

    async def GetPersonality(
        self, request: chat_pb2.GetPersonalityRequest, context: Any
    ) -> chat_pb2.GetPersonalityResponse:
        """Return a personality."""
        found = await self._personalities.get(caller_owner(), request.id)
        return chat_pb2.GetPersonalityResponse(personality=personality_to_proto(found))

    async def UpdatePersonality(
        self, request: chat_pb2.UpdatePersonalityRequest, context: Any
    ) -> chat_pb2.UpdatePersonalityResponse:
        """Replace a personality's text and settings."""
        require_admin("change personalities")
        owner, asked = caller_owner(), request.personality
        before = await self._personalities.get_stored(owner, asked.id)
        changed = personality_from_proto(asked, item_id=asked.id, created=before.create_time, now=self._clock.now())
        await self._personalities.replace(owner, changed.check())
        return chat_pb2.UpdatePersonalityResponse(personality=personality_to_proto(changed))

    async def DeletePersonality(
        self, request: chat_pb2.DeletePersonalityRequest, context: Any
    ) -> chat_pb2.DeletePersonalityResponse:
        """Delete a personality."""
        require_admin("change personalities")
        await self._personalities.delete(caller_owner(), request.id)
        return chat_pb2.DeletePersonalityResponse()

    async def CreateTemplate(
        self, request: chat_pb2.CreateTemplateRequest, context: Any
    ) -> chat_pb2.CreateTemplateResponse:
        """Create a prompt template."""
        require_admin("change templates")
        now = self._clock.now()
        made = template_from_proto(request.template, item_id=self._new_id("tpl"), created=now, now=now)
        await self._templates.create(caller_owner(), made.check())
        return chat_pb2.CreateTemplateResponse(template=template_to_proto(made))

    async def ListTemplates(
        self, request: chat_pb2.ListTemplatesRequest, context: Any
    ) -> chat_pb2.ListTemplatesResponse:
        """List prompt templates, oldest first."""
        size = page_size(request.page_size, **_PAGE)
        page = await self._templates.list_page(caller_owner(), size=size, token=request.page_token)
        return chat_pb2.ListTemplatesResponse(
            templates=[template_to_proto(item) for item in page.items], next_page_token=page.next_token
        )

    async def GetTemplate(self, request: chat_pb2.GetTemplateRequest, context: Any) -> chat_pb2.GetTemplateResponse:
        """Return a prompt template."""
        found = await self._templates.get(caller_owner(), request.id)
        return chat_pb2.GetTemplateResponse(template=template_to_proto(found))

    async def UpdateTemplate(
        self, request: chat_pb2.UpdateTemplateRequest, context: Any
    ) -> chat_pb2.UpdateTemplateResponse:
        """Replace a prompt template's text."""
        require_admin("change templates")
        owner, asked = caller_owner(), request.template
        before = await self._templates.get_stored(owner, asked.id)
        changed = template_from_proto(asked, item_id=asked.id, created=before.create_time, now=self._clock.now())
        await self._templates.replace(owner, changed.check())
        return chat_pb2.UpdateTemplateResponse(template=template_to_proto(changed))

    async def DeleteTemplate(
        self, request: chat_pb2.DeleteTemplateRequest, context: Any
    ) -> chat_pb2.DeleteTemplateResponse:
        """Delete a prompt template."""
        require_admin("change templates")
        await self._templates.delete(caller_owner(), request.id)
        return chat_pb2.DeleteTemplateResponse()
