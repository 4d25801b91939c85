"""Conversations, personalities and templates as a gRPC client sees them."""

from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb

from penstock_kit.context import Caller
from penstock_kit.errors import InvalidArgument, NotFound, PermissionDenied


async def test_a_conversation_is_created_listed_renamed_and_deleted(chat: Any) -> None:
    conversation = await chat.conversation(title="Shift 1", model="openai/gpt-5", labels={"line": "2"})
    renamed = await chat.conversations.UpdateConversation(
        pb.UpdateConversationRequest(id=conversation, title="Shift 2")
    )
    assert (renamed.conversation.title, renamed.conversation.model) == ("Shift 2", "openai/gpt-5")
    listed = await chat.conversations.ListConversations(pb.ListConversationsRequest())
    assert [dict(item.labels) for item in listed.conversations] == [{"line": "2"}]
    await chat.conversations.DeleteConversation(pb.DeleteConversationRequest(id=conversation))
    assert not (await chat.conversations.ListConversations(pb.ListConversationsRequest())).conversations


async def test_pages_of_conversations_and_messages_follow_each_other(chat: Any) -> None:
    made = [await chat.conversation() for _ in range(3)]
    first = await chat.conversations.ListConversations(pb.ListConversationsRequest(page_size=2))
    rest = await chat.conversations.ListConversations(
        pb.ListConversationsRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [item.id for item in (*first.conversations, *rest.conversations)] == made[::-1]
    assert not rest.next_page_token


@pytest.mark.parametrize("size", [-1, 201])
async def test_a_page_size_out_of_bounds_is_refused(chat: Any, size: int) -> None:
    with pytest.raises(InvalidArgument, match="between 1 and 200"):
        await chat.conversations.ListConversations(pb.ListConversationsRequest(page_size=size))


async def test_the_conversations_model_is_used_unless_the_turn_names_one(chat: Any) -> None:
    conversation = await chat.conversation(model="openai/gpt-5")
    await chat.answer(conversation)
    await chat.answer(conversation, model="gemini/flash")
    assert [asked.model for asked in chat.llm.completions] == ["openai/gpt-5", "gemini/flash"]


async def test_a_conversation_with_an_unknown_personality_is_refused(chat: Any) -> None:
    with pytest.raises(NotFound, match="no personality 'per_1'"):
        await chat.conversation(personality_id="per_1")


async def test_too_long_a_title_is_refused_with_its_length(chat: Any) -> None:
    with pytest.raises(InvalidArgument, match="title has 201 characters"):
        await chat.conversation(title="t" * 201)


async def test_32_labels_are_kept_and_no_more(chat: Any) -> None:
    await chat.conversation(labels={f"l{number}": "v" for number in range(32)})
    with pytest.raises(InvalidArgument, match="labels has 33 entries"):
        await chat.conversation(labels={f"l{number}": "v" for number in range(33)})


async def test_personalities_and_templates_are_read_by_members_and_changed_by_administrators(
    chat: Any, bob: Caller
) -> None:
    engines = chat.engines
    kept = await engines.CreatePersonality(
        pb.CreatePersonalityRequest(personality=pb.Personality(name="F", prompt="Be."))
    )
    template = await engines.CreateTemplate(pb.CreateTemplateRequest(template=pb.Template(name="T", content="{{x}}")))
    personality, template = kept.personality, template.template
    async with chat.as_caller(bob):
        assert (await engines.GetPersonality(pb.GetPersonalityRequest(id=personality.id))).personality.prompt == "Be."
        assert (await engines.GetTemplate(pb.GetTemplateRequest(id=template.id))).template.content == "{{x}}"
        for call in (
            engines.CreatePersonality(pb.CreatePersonalityRequest(personality=pb.Personality(name="G", prompt="No."))),
            engines.UpdatePersonality(pb.UpdatePersonalityRequest(personality=personality)),
            engines.DeletePersonality(pb.DeletePersonalityRequest(id=personality.id)),
            engines.CreateTemplate(pb.CreateTemplateRequest(template=pb.Template(name="U", content="{{y}}"))),
            engines.UpdateTemplate(pb.UpdateTemplateRequest(template=template)),
            engines.DeleteTemplate(pb.DeleteTemplateRequest(id=template.id)),
        ):
            with pytest.raises(PermissionDenied, match="scope 'admin'"):
                await call
    listed = (await engines.ListPersonalities(pb.ListPersonalitiesRequest())).personalities
    assert [entry.name for entry in listed] == ["F"]
    assert [entry.name for entry in (await engines.ListTemplates(pb.ListTemplatesRequest())).templates] == ["T"]


async def test_personalities_are_changed_and_deleted(chat: Any, eve: Caller) -> None:
    asked = pb.CreatePersonalityRequest(personality=pb.Personality(name="Foreman", prompt="Be short."))
    made = (await chat.engines.CreatePersonality(asked)).personality
    made.prompt = "Be very short."
    changed = (await chat.engines.UpdatePersonality(pb.UpdatePersonalityRequest(personality=made))).personality
    assert (changed.prompt, changed.create_time) == ("Be very short.", made.create_time)
    async with chat.as_caller(eve):
        with pytest.raises(NotFound):
            await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))
    listed = await chat.engines.ListPersonalities(pb.ListPersonalitiesRequest())
    assert [item.name for item in listed.personalities] == ["Foreman"]
    await chat.engines.DeletePersonality(pb.DeletePersonalityRequest(id=made.id))
    with pytest.raises(NotFound, match="no personality"):
        await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"name": " ", "prompt": "x"}, "name is ' '"),
        ({"name": "x", "prompt": ""}, "prompt has 0 characters"),
        ({"name": "x", "prompt": "x", "temperature": 9.0}, "between 0 and 2"),
    ],
)
async def test_a_personality_that_makes_no_sense_is_refused(chat: Any, fields: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidArgument, match=match):
        await chat.engines.CreatePersonality(pb.CreatePersonalityRequest(personality=pb.Personality(**fields)))


async def test_templates_are_changed_and_deleted(chat: Any) -> None:
    asked = pb.CreateTemplateRequest(template=pb.Template(name="Daily", content="Report on {{device}}"))
    made = (await chat.engines.CreateTemplate(asked)).template
    made.content = "Short report on {{device}}"
    await chat.engines.UpdateTemplate(pb.UpdateTemplateRequest(template=made))
    found = await chat.engines.GetTemplate(pb.GetTemplateRequest(id=made.id))
    assert found.template.content == "Short report on {{device}}"
    assert len((await chat.engines.ListTemplates(pb.ListTemplatesRequest())).templates) == 1
    await chat.engines.DeleteTemplate(pb.DeleteTemplateRequest(id=made.id))
    with pytest.raises(NotFound, match="no template"):
        await chat.engines.DeleteTemplate(pb.DeleteTemplateRequest(id=made.id))


async def test_a_personality_is_read_through_the_cache_and_dropped_from_it_when_changed(chat: Any) -> None:
    asked = pb.CreatePersonalityRequest(
        personality=pb.Personality(name="Foreman", prompt="Be short.", temperature=0.5, tools=["list_devices"])
    )
    made = (await chat.engines.CreatePersonality(asked)).personality
    first = await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))
    assert first.personality == made
    assert list(chat.cache.classes.values()) == ["catalogue"]
    assert [tenant for tenant, _ in chat.cache.values] == ["acme"]
    assert (await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))).personality == made
    made.prompt = "Be very short."
    await chat.engines.UpdatePersonality(pb.UpdatePersonalityRequest(personality=made))
    assert not chat.cache.values
    again = await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))
    assert again.personality.prompt == "Be very short."


async def test_a_cached_template_is_what_a_turn_uses(chat: Any) -> None:
    asked = pb.CreateTemplateRequest(template=pb.Template(name="How", content="How is {{device}}?"))
    made = (await chat.engines.CreateTemplate(asked)).template
    for _ in range(2):
        await chat.answer(await chat.conversation(), template_id=made.id, template_values={"device": "A"})
    assert [asked.messages[-1].parts[0].text for asked in chat.llm.completions] == ["How is A?"] * 2
    assert list(chat.cache.classes.values()) == ["template"]


async def test_a_cache_that_is_down_is_left_alone_and_costs_no_answer(chat: Any) -> None:
    asked = pb.CreatePersonalityRequest(personality=pb.Personality(name="Foreman", prompt="Be short."))
    made = (await chat.engines.CreatePersonality(asked)).personality
    chat.cache.down = True
    for _ in range(3):
        assert (await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))).personality == made
    assert chat.cache.reads == 1
    await chat.engines.DeletePersonality(pb.DeletePersonalityRequest(id=made.id))


async def test_a_list_of_personalities_is_read_through_the_cache_and_follows_every_change(chat: Any) -> None:
    async def names() -> list[str]:
        listed = await chat.engines.ListPersonalities(pb.ListPersonalitiesRequest())
        return [personality.name for personality in listed.personalities]

    for name in ("Foreman", "Welder"):
        personality = pb.Personality(name=name, prompt="Be short.", tools=["list_devices"])
        made = (await chat.engines.CreatePersonality(pb.CreatePersonalityRequest(personality=personality))).personality
        assert name in await names()
    reads = chat.cache.reads
    assert await names() == ["Foreman", "Welder"]
    assert (chat.cache.reads - reads, set(chat.cache.classes.values())) == (1, {"catalogue"})
    made.name = "Master"
    await chat.engines.UpdatePersonality(pb.UpdatePersonalityRequest(personality=made))
    assert await names() == ["Foreman", "Master"]
    await chat.engines.DeletePersonality(pb.DeletePersonalityRequest(id=made.id))
    assert await names() == ["Foreman"]
    async with chat.as_caller(Caller(user_id="bob", tenant_id="other")):
        assert await names() == []


async def test_a_cached_item_that_cannot_be_read_is_asked_of_the_store(chat: Any) -> None:
    asked = pb.CreatePersonalityRequest(personality=pb.Personality(name="Foreman", prompt="Be short."))
    made = (await chat.engines.CreatePersonality(asked)).personality
    await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))
    for place in chat.cache.values:
        chat.cache.values[place] = b'j{"id": "what another release wrote"}'
    assert (await chat.engines.GetPersonality(pb.GetPersonalityRequest(id=made.id))).personality == made
