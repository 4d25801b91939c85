"""Every field of every request of the service: at its bound it is taken, beyond it refused by its name."""

from typing import Any, Final

import pytest
from penstock.chat.v1 import chat_pb2 as pb

from penstock_testkit.pictures import png
from penstock_testkit.request_sweep import Bound, RequestSweep, bounds

NAN: Final = float("nan")
PICTURE: Final = pb.Picture(data=png())
SIZES: Final = ((200, 201), (0, -1))

_SECOND_TRY: Final = "kept to know a second try by"
_NAME: Final = "a name, compared with those there are"
_OUTPUT: Final = "output only"
_OWN: Final = "the owner's own text; the size of a message bounds it"
FREE: Final = {
    "StreamService": {
        "StreamChatRequest.conversation_id": _NAME,
        "StreamChatRequest.engine": _NAME,
        "StreamChatRequest.personality_id": _NAME,
        "StreamChatRequest.request_id": _SECOND_TRY,
        "StreamChatRequest.template_id": _NAME,
        "StreamChatRequest.template_values": _OWN,
        "StreamChatRequest.client_id": _NAME,
        "Picture.id": _OUTPUT,
        "Picture.media_type": "told by the data",
        "Picture.size_bytes": _OUTPUT,
        "ReadStreamRequest.stream_id": _NAME,
        "StopStreamRequest.stream_id": _NAME,
        "StopStreamRequest.request_id": _SECOND_TRY,
        "GetStreamRequest.stream_id": _NAME,
    },
    "ConversationService": {
        "CreateConversationRequest.personality_id": _NAME,
        "CreateConversationRequest.labels": _OWN,
        "CreateConversationRequest.request_id": _SECOND_TRY,
        "GetConversationRequest.id": _NAME,
        "ListMessagesRequest.conversation_id": _NAME,
        "GetPictureRequest.conversation_id": _NAME,
        "GetPictureRequest.picture_id": _NAME,
        "UpdateConversationRequest.id": _NAME,
        "UpdateConversationRequest.personality_id": _NAME,
        "UpdateConversationRequest.request_id": _SECOND_TRY,
        "DeleteConversationRequest.id": _NAME,
        "DeleteConversationRequest.request_id": _SECOND_TRY,
    },
    "EngineService": {
        "SetCurrentEngineRequest.name": _NAME,
        "SetCurrentEngineRequest.request_id": _SECOND_TRY,
        "Personality.id": _NAME,
        "Personality.create_time": _OUTPUT,
        "Personality.update_time": _OUTPUT,
        "CreatePersonalityRequest.request_id": _SECOND_TRY,
        "GetPersonalityRequest.id": _NAME,
        "UpdatePersonalityRequest.request_id": _SECOND_TRY,
        "DeletePersonalityRequest.id": _NAME,
        "DeletePersonalityRequest.request_id": _SECOND_TRY,
        "Template.id": _NAME,
        "Template.create_time": _OUTPUT,
        "Template.update_time": _OUTPUT,
        "CreateTemplateRequest.request_id": _SECOND_TRY,
        "GetTemplateRequest.id": _NAME,
        "UpdateTemplateRequest.request_id": _SECOND_TRY,
        "DeleteTemplateRequest.id": _NAME,
        "DeleteTemplateRequest.request_id": _SECOND_TRY,
    },
    "ToolService": {
        "CallToolRequest.name": "one that is none is a result that says so",
        "CallToolRequest.arguments_json": "what is wrong with them is a result that says so",
    },
    "ClientService": {
        "RegisterClientRequest.request_id": _SECOND_TRY,
        "UnregisterClientRequest.id": _NAME,
        "UnregisterClientRequest.request_id": _SECOND_TRY,
        "WatchClientRequest.client_id": _NAME,
    },
}
BOUNDS: Final[dict[str, list[Bound]]] = {
    "StreamService": [
        *bounds("StreamChat", content=("x" * 200_000, "x" * 200_001), role=("user", "robot")),
        *bounds("StreamChat", on_disconnect=("cancel", "stay"), on_busy=("wait", "push")),
        *bounds("StreamChat", cache__threshold=(1.0, 1.1), pictures=([PICTURE] * 4, [PICTURE] * 5)),
        *bounds("StreamChat", pictures__data=(png(), b"x"), model=("m" * 200, "m" * 201)),
        *bounds("ReadStream", after_sequence=(3, 4)),
    ],
    "ConversationService": [
        *bounds("CreateConversation", title=("t" * 200, "t" * 201), model=("m" * 200, "m" * 201)),
        *bounds("UpdateConversation", title=("t" * 200, "t" * 201), model=("m" * 200, "m" * 201)),
        *(b for size in SIZES for b in bounds("ListConversations", page_size=size)),
        *bounds("ListConversations", page_token=("", "x")),
        *bounds("ListMessages", page_size=(500, 501), page_token=("", "x")),
    ],
    "EngineService": [
        *bounds("CreatePersonality", personality__name=("n" * 200, "n" * 201), personality__temperature=(2.0, NAN)),
        *bounds("CreatePersonality", personality__prompt=("p" * 100_000, "p" * 100_001)),
        *bounds("CreatePersonality", personality__description=("d" * 2_000, "d" * 2_001)),
        *bounds("CreatePersonality", personality__tools=(["t" * 200] * 1_000, ["t"] * 1_001)),
        *bounds("CreatePersonality", personality__tools=(["t"], ["t" * 201])),
        *bounds("CreateTemplate", template__name=("n" * 200, ""), template__content=("c" * 100_000, "c" * 100_001)),
        *bounds("CreateTemplate", template__description=("d" * 2_000, "d" * 2_001)),
        *bounds("ListPersonalities", page_size=SIZES[0], page_token=("", "x")),
        *bounds("ListTemplates", page_size=SIZES[0], page_token=("", "x")),
    ],
    "ToolService": [],
    "ClientService": [
        *bounds("RegisterClient", name=("n" * 200, "n" * 201), kind=("k" * 200, "k" * 201), client_id=("c", "c" * 201)),
        *bounds("ListClients", page_size=(1, -1), page_token=("", "x")),
        *bounds("WatchClient", cursor=("", "x")),
    ],
}
SAID: Final = {"after_sequence": "beyond it", "personality": "name", "template": "name"}


@pytest.fixture
async def sweeps(chat: Any) -> dict[str, RequestSweep]:
    """A sweep of each service, over a conversation, a stream, a personality, a template and a client that there are."""
    conversation = await chat.conversation()
    personality = pb.Personality(id=await chat.personality(name="p", prompt="q"), name="n", prompt="p")
    stream = (await chat.answer(conversation))[0].stream_id
    request = pb.CreateTemplateRequest(template=pb.Template(name="n", content="c {{x}}"))
    template = (await chat.engines.CreateTemplate(request)).template
    client = (await chat.clients.RegisterClient(pb.RegisterClientRequest(name="a", kind="web"))).client
    rights: dict[str, tuple[Any, dict[str, Any]]] = {
        "StreamService": (
            chat.streams,
            {
                "StreamChat": pb.StreamChatRequest(conversation_id=conversation, content="hello", pictures=[PICTURE]),
                "ReadStream": pb.ReadStreamRequest(stream_id=stream),
                "StopStream": pb.StopStreamRequest(stream_id=stream),
                "GetStream": pb.GetStreamRequest(stream_id=stream),
            },
        ),
        "ConversationService": (
            chat.conversations,
            {
                "CreateConversation": pb.CreateConversationRequest(title="t", labels={"a": "b"}),
                "ListConversations": pb.ListConversationsRequest(),
                "GetConversation": pb.GetConversationRequest(id=conversation),
                "ListMessages": pb.ListMessagesRequest(conversation_id=conversation),
                "GetPicture": pb.GetPictureRequest(conversation_id=conversation, picture_id="x"),
                "UpdateConversation": pb.UpdateConversationRequest(id=conversation, title="t"),
                "DeleteConversation": pb.DeleteConversationRequest(id="none"),
            },
        ),
        "EngineService": (
            chat.engines,
            {
                "SetCurrentEngine": pb.SetCurrentEngineRequest(name="chat_engine"),
                "CreatePersonality": pb.CreatePersonalityRequest(
                    personality=pb.Personality(name="n", prompt="p", tools=["list_devices"], temperature=0.5)
                ),
                "ListPersonalities": pb.ListPersonalitiesRequest(),
                "GetPersonality": pb.GetPersonalityRequest(id=personality.id),
                "UpdatePersonality": pb.UpdatePersonalityRequest(personality=personality),
                "DeletePersonality": pb.DeletePersonalityRequest(id="none"),
                "CreateTemplate": request,
                "ListTemplates": pb.ListTemplatesRequest(),
                "GetTemplate": pb.GetTemplateRequest(id=template.id),
                "UpdateTemplate": pb.UpdateTemplateRequest(template=template),
                "DeleteTemplate": pb.DeleteTemplateRequest(id="none"),
            },
        ),
        "ToolService": (chat.tools, {"CallTool": pb.CallToolRequest(name="list_devices", arguments_json="{}")}),
        "ClientService": (
            chat.clients,
            {
                "RegisterClient": pb.RegisterClientRequest(name="a", kind="web"),
                "ListClients": pb.ListClientsRequest(),
                "UnregisterClient": pb.UnregisterClientRequest(id="none"),
                "WatchClient": pb.WatchClientRequest(client_id=client.id),
            },
        ),
    }
    return {
        name: RequestSweep(
            service=pb.DESCRIPTOR.services_by_name[name],
            stub=stub,
            rights=right,
            free=FREE[name],
            said=SAID,
            endless=("WatchClient",),
            absent=("GetPicture", "DeleteConversation", "DeletePersonality", "DeleteTemplate", "UnregisterClient"),
        )
        for name, (stub, right) in rights.items()
    }


async def test_no_edge_of_a_field_is_an_error_of_the_service(sweeps: dict[str, RequestSweep]) -> None:
    assert [fault for sweep in sweeps.values() for fault in await sweep.faults()] == []


async def test_each_bound_holds_and_is_named(sweeps: dict[str, RequestSweep]) -> None:
    assert [fault for name, sweep in sweeps.items() for fault in await sweep.bound_faults(BOUNDS[name])] == []


async def test_every_field_has_a_bound_or_a_reason(sweeps: dict[str, RequestSweep]) -> None:
    for name, sweep in sweeps.items():
        assert sweep.missing_methods() == []
        assert sweep.unknown_fields(BOUNDS[name]) == []
