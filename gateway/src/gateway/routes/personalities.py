"""Personalities and prompt templates."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Response
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import Field, StringConstraints

from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN, CHAT
from gateway.convert.conversation import personality_from_proto, template_from_proto
from gateway.convert.protobuf import build_message
from gateway.http.json import JsonResponse
from gateway.http.names import PlainName
from gateway.routes.listing import listing
from gateway.routes.parameters import PageToken, ShortPageSize
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import EngineServiceAsyncStub


class PersonalityBody(RequestModel):
    """How the assistant speaks."""

    name: PlainName = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    prompt: str = Field(min_length=1, max_length=100_000, description="System prompt.")
    temperature: float | None = Field(default=None, ge=0, le=2)
    tools: list[Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=list, max_length=1_000, description="Tools it may use; empty: all."
    )

    def to_proto(self, identity: str = "") -> pb.Personality:
        """Return the message."""
        return build_message(pb.Personality, id=identity, **self.model_dump())


class TemplateBody(RequestModel):
    """A prompt with places to fill."""

    name: PlainName = Field(min_length=1, max_length=200)
    content: str = Field(min_length=1, max_length=100_000, description="Text with `{{places}}`.")
    description: str = Field(default="", max_length=2000)

    def to_proto(self, identity: str = "") -> pb.Template:
        """Return the message."""
        return pb.Template(id=identity, **self.model_dump())


class PersonalityRoutes:
    """The routes below ``/api/v1/personalities`` and ``/api/v1/templates``; administrators change them."""

    def __init__(self, *, engines: "EngineServiceAsyncStub", guard: Guard) -> None:
        self._engines = engines
        self.router = api_router("personalities", guard.needs(CHAT))
        self._admin = [Depends(guard.needs(ADMIN))]
        self._add_five("/api/v1/personalities", "personality")
        self._add_five("/api/v1/templates", "template")

    def _add_five(self, path: str, noun: str) -> None:
        """Add create, list, read, replace and delete of one resource."""
        plural = path.rpartition("/")[2]
        one = f"{path}/{{identity}}"
        endpoints: dict[str, Any] = {
            f"POST {path}": f"create_{noun}",
            f"GET {path}": f"list_{plural}",
            f"GET {one}": f"get_{noun}",
            f"PUT {one}": f"update_{noun}",
            f"DELETE {one}": f"delete_{noun}",
        }
        statuses = {"POST": 201, "DELETE": 204}
        for route, name in endpoints.items():
            method = route.partition(" ")[0]
            admitted = [] if method == "GET" else self._admin
            endpoint, status = getattr(self, name), statuses.get(method, 200)
            add(self.router, route, endpoint, status_code=status, dependencies=admitted)

    async def create_personality(self, body: PersonalityBody) -> Response:
        """Create a personality."""
        response = await self._engines.CreatePersonality(pb.CreatePersonalityRequest(personality=body.to_proto()))
        return JsonResponse(personality_from_proto(response.personality), 201)

    async def list_personalities(self, page_size: ShortPageSize = 0, page_token: PageToken = "") -> Response:
        """List personalities."""
        request = build_message(pb.ListPersonalitiesRequest, page_size=page_size, page_token=page_token)
        response = await self._engines.ListPersonalities(request)
        found = [personality_from_proto(entry) for entry in response.personalities]
        return JsonResponse(listing("personalities", found, response.next_page_token))

    async def get_personality(self, identity: str) -> Response:
        """Read a personality."""
        response = await self._engines.GetPersonality(pb.GetPersonalityRequest(id=identity))
        return JsonResponse(personality_from_proto(response.personality))

    async def update_personality(self, identity: str, body: PersonalityBody) -> Response:
        """Replace a personality."""
        request = pb.UpdatePersonalityRequest(personality=body.to_proto(identity))
        response = await self._engines.UpdatePersonality(request)
        return JsonResponse(personality_from_proto(response.personality))

    async def delete_personality(self, identity: str) -> Response:
        """Delete a personality."""
        await self._engines.DeletePersonality(pb.DeletePersonalityRequest(id=identity))
        return Response(status_code=204)

    async def create_template(self, body: TemplateBody) -> Response:
        """Create a prompt template."""
        response = await self._engines.CreateTemplate(pb.CreateTemplateRequest(template=body.to_proto()))
        return JsonResponse(template_from_proto(response.template), 201)

    async def list_templates(self, page_size: ShortPageSize = 0, page_token: PageToken = "") -> Response:
        """List prompt templates."""
        request = build_message(pb.ListTemplatesRequest, page_size=page_size, page_token=page_token)
        response = await self._engines.ListTemplates(request)
        found = [template_from_proto(entry) for entry in response.templates]
        return JsonResponse(listing("templates", found, response.next_page_token))

    async def get_template(self, identity: str) -> Response:
        """Read a prompt template."""
        response = await self._engines.GetTemplate(pb.GetTemplateRequest(id=identity))
        return JsonResponse(template_from_proto(response.template))

    async def update_template(self, identity: str, body: TemplateBody) -> Response:
        """Replace a prompt template."""
        response = await self._engines.UpdateTemplate(pb.UpdateTemplateRequest(template=body.to_proto(identity)))
        return JsonResponse(template_from_proto(response.template))

    async def delete_template(self, identity: str) -> Response:
        """Delete a prompt template."""
        await self._engines.DeleteTemplate(pb.DeleteTemplateRequest(id=identity))
        return Response(status_code=204)
