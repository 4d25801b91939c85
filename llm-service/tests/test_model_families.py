"""What families of models take, as their vendors document it: sent as they take it, or dropped and named."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from llm_service.domain.model.message import (
    CallPart,
    FilePart,
    ImagePart,
    Message,
    Role,
    TextPart,
    ThinkingPart,
    ToolCall,
    text_message,
)
from llm_service.domain.model.profile import GEMINI_TOOL_NAMES, OPENAI_TOOL_NAMES, Quirks, vendor
from llm_service.domain.model.request import (
    CompletionRequest,
    Reasoning,
    Sampling,
    ToolChoice,
    ToolDefinition,
    ToolMode,
)
from llm_service.providers.anthropic_request import request_of as anthropic_request
from llm_service.providers.gemini_request import request_of as gemini_request
from llm_service.providers.openai_request import OpenAiRequest, request_of
from llm_service.providers.tool_names import fit_tool_names
from llm_service.testing import question

TOOL = ToolDefinition(name="look", parameters='{"type": "object"}')
OTHER = ToolDefinition(name="hear")
PICTURE = ImagePart(data=b"png", media_type="image/png")
VOICE = FilePart(filename="", data=b"RIFF", media_type="audio/wav")
FILM = FilePart(filename="", data=b"", media_type="video/mp4", url="https://example.com/a.mp4")
SIMPLE: dict[str, Any] = {"type": "object"}


def quirks(name: str) -> Quirks:
    row = vendor(name)
    return row.quirks if row else Quirks()


def made(request: CompletionRequest, name: str = "openai") -> OpenAiRequest:
    return request_of(request, quirks(name))


def asked(model: str = "m", **fields: Any) -> CompletionRequest:
    return replace(question(model=model), **fields)


def said(*messages: Message, **fields: Any) -> CompletionRequest:
    return asked(messages=messages, **fields)


def claude(request: CompletionRequest) -> Any:
    return anthropic_request(request, lambda schema: schema)


HOT = Sampling(temperature=0.2, top_p=0.5, presence_penalty=0.1, logprobs=True, stop=("END",))
SAMPLED = {"temperature", "top_p", "presence_penalty", "logprobs"}
TAKEN = [
    ("gpt-5", "", SAMPLED | {"stop"}),
    ("gpt-5-mini-2025-08-07", "low", SAMPLED | {"stop"}),
    ("o3-mini", "", SAMPLED | {"stop"}),
    ("gpt-5.1", "", {"stop"}),
    ("gpt-5.2", "none", {"stop"}),
    ("gpt-5.2", "high", SAMPLED | {"stop"}),
    ("gpt-5.1-codex-max", "", SAMPLED | {"stop"}),
    ("gpt-5.6", "", SAMPLED),
    ("gpt-5.6", "none", set[str]()),
    ("gpt-4.1-mini", "", set[str]()),
    ("gpt-5-chat-latest", "", set[str]()),
    ("ft:gpt-4.1:me", "", set[str]()),
    ("my-own-deployment", "", set[str]()),
]


@pytest.mark.parametrize(("model", "effort", "dropped"), TAKEN)
def test_sampling_goes_to_the_models_that_take_it_and_is_named_for_the_others(
    model: str, effort: str, dropped: set[str]
) -> None:
    request = made(asked(model, sampling=HOT, reasoning=Reasoning(effort=effort)))
    assert set(request.dropped) == dropped
    assert not dropped & set(request.body)
    assert (SAMPLED | {"stop"}) - dropped <= set(request.body)


def test_what_says_the_same_as_nothing_is_neither_refused_nor_named() -> None:
    sampling = Sampling(temperature=1, top_p=1, presence_penalty=0, frequency_penalty=0, logprobs=False)
    request = made(asked("gpt-5", sampling=sampling))
    assert request.dropped == ()
    assert (request.body["temperature"], request.body["top_p"]) == (1, 1)
    assert not {"presence_penalty", "frequency_penalty", "logprobs"} & set(request.body)


EFFORTS = [
    ("gpt-5", "none", "minimal"), ("gpt-5", "xhigh", "high"), ("gpt-5-pro", "low", "high"), ("o3", "minimal", "low"),
    ("gpt-5.1", "xhigh", "high"), ("gpt-5.2", "xhigh", "xhigh"), ("gpt-5.6", "max", "max"),
    ("my-own-deployment", "max", "max"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "wanted", "sent"), EFFORTS)
def test_an_effort_is_moved_to_the_nearest_that_the_model_takes(model: str, wanted: str, sent: str) -> None:
    assert made(asked(model, reasoning=Reasoning(effort=wanted))).body["reasoning_effort"] == sent


def test_an_effort_is_named_where_models_don_t_reason_as_the_callers_dialect_calls_it() -> None:
    wanted = Reasoning(effort="low")
    assert made(asked("gpt-4.1", reasoning=wanted)).dropped == ("reasoning_effort",)
    assert made(asked("gpt-4.1", reasoning=wanted, surface="responses")).dropped == ("reasoning.effort",)
    assert made(asked("gpt-4.1", reasoning=Reasoning(max_tokens=2000), surface="messages")).dropped == ("thinking",)
    assert made(asked("gpt-5", reasoning=Reasoning(max_tokens=2000))).body["reasoning_effort"] == "low"
    own = made(asked(reasoning=Reasoning(max_tokens=2000), surface="messages"), "own")
    assert (own.dropped, "reasoning_effort" in own.body) == (("thinking",), False)


GEMINI = [
    ("gemini-2.5-pro", Reasoning(effort="none"), {"thinkingBudget": 128}),
    ("gemini-2.5-pro", Reasoning(max_tokens=99_999), {"thinkingBudget": 32768}),
    ("gemini-2.5-flash", Reasoning(effort="none"), {"thinkingBudget": 0}),
    ("gemini-2.5-flash-lite", Reasoning(max_tokens=100), {"thinkingBudget": 512}),
    ("gemini-3-pro-preview", Reasoning(effort="none"), {"thinkingLevel": "LOW"}),
    ("gemini-3-pro-preview", Reasoning(effort="medium"), {"thinkingLevel": "HIGH"}),
    ("gemini-3-flash-preview", Reasoning(effort="none"), {"thinkingLevel": "MINIMAL"}),
    ("gemini-3.1-pro-preview", Reasoning(effort="minimal"), {"thinkingLevel": "LOW"}),
    ("gemini-3.6-flash", Reasoning(effort="minimal"), {"thinkingLevel": "MINIMAL"}),
    ("gemini-3.8-flash", Reasoning(effort="none", include=True), {"includeThoughts": True, "thinkingLevel": "LOW"}),
    ("gemini-2.0-flash", Reasoning(include=True), None),
    ("gemma-3-27b-it", Reasoning(effort="none", include=True), None),
    ("gemini-2.5-flash-image", Reasoning(include=True), None),
]


@pytest.mark.parametrize(("model", "wanted", "config"), GEMINI)
def test_gemini_is_told_to_think_as_each_family_takes_it(
    model: str, wanted: Reasoning, config: Mapping[str, object] | None
) -> None:
    request = gemini_request(asked(model, reasoning=wanted))
    assert request.body.get("generationConfig", {}).get("thinkingConfig") == config
    assert request.dropped == ()


def test_an_effort_is_named_where_a_model_of_google_does_not_think() -> None:
    assert gemini_request(asked("gemini-2.0-flash", reasoning=Reasoning(effort="high"))).dropped == (
        "reasoning_effort",
    )


def test_models_without_instructions_or_tools_get_them_as_text_or_named() -> None:
    messages = (text_message(Role.SYSTEM, "be brief"), text_message(Role.USER, "hi"))
    request = gemini_request(said(*messages, model="gemma-3-27b-it", tools=(TOOL,)))
    assert request.body["contents"] == [{"role": "user", "parts": [{"text": "be brief"}, {"text": "hi"}]}]
    assert not {"tools", "systemInstruction"} & set(request.body)
    assert request.dropped == ("tools",)


@pytest.mark.parametrize(
    ("model", "taken"),
    [("gemini-3.8-flash", False), ("gemini-3.5-flash-lite", False), ("gemini-3.1-pro-preview", True)],
)
def test_sampling_goes_to_the_models_of_google_that_take_it(model: str, taken: bool) -> None:
    request = gemini_request(asked(model, sampling=Sampling(temperature=0.2, top_k=5, presence_penalty=0)))
    assert set(request.dropped) == (set[str]() if taken else {"temperature", "top_k"})
    assert ("temperature" in request.body.get("generationConfig", {})) is taken


LONG = "mcp__server__" + "long" * 20
ODD = "see this/that"


@pytest.mark.parametrize("rule", [OPENAI_TOOL_NAMES, GEMINI_TOOL_NAMES])
def test_a_name_that_a_vendor_does_not_take_is_shortened_everywhere_and_known_again(rule: Any) -> None:
    call = ToolCall(id="c", name=LONG, arguments="{}")
    messages = (text_message(Role.USER, "hi"), Message(role=Role.ASSISTANT, tool_calls=(call,)))
    names = (LONG, LONG + "er", ODD, "1st", "fine")
    tools = tuple(ToolDefinition(name=name) for name in names)
    choice = ToolChoice(mode=ToolMode.NAMED, name=ODD)
    request, back = fit_tool_names(said(*messages, tools=tools, tool_choice=choice), rule)
    sent = [tool.name for tool in request.tools]
    assert all(re.fullmatch(rule.pattern, name) for name in sent)
    assert len(set(sent)) == len(names)
    assert [back.get(name, name) for name in sent] == list(names)
    assert back[request.tool_choice.name] == ODD
    assert back[request.messages[1].tool_calls[0].name] == LONG


def test_names_that_are_taken_cost_nothing() -> None:
    request = asked(tools=(TOOL,))
    assert fit_tool_names(request, OPENAI_TOOL_NAMES)[0] is request
    assert fit_tool_names(asked(tools=(ToolDefinition(name=LONG),)), None)[1] == {}


CHOICES = [
    ("qwen", ToolMode.REQUIRED, (TOOL,), {"type": "function", "function": {"name": "look"}}, ()),
    ("qwen", ToolMode.REQUIRED, (TOOL, OTHER), None, ("tool_choice",)),
    ("qwen", ToolMode.NONE, (TOOL,), "none", ()),
    ("glm", ToolMode.AUTO, (TOOL,), "auto", ()),
    ("glm", ToolMode.NAMED, (TOOL,), None, ("tool_choice",)),
    ("deepseek", ToolMode.REQUIRED, (TOOL,), "required", ()),
    ("own", ToolMode.REQUIRED, (TOOL,), "required", ()),
]


@pytest.mark.parametrize(("name", "mode", "tools", "sent", "dropped"), CHOICES)
def test_a_choice_among_tools_is_mapped_to_one_the_vendor_takes_or_named(
    name: str, mode: ToolMode, tools: Any, sent: object, dropped: tuple[str, ...]
) -> None:
    request = made(asked(tools=tools, tool_choice=ToolChoice(mode=mode, name="look")), name)
    assert (request.body.get("tool_choice"), request.dropped) == (sent, dropped)


def test_no_call_where_that_can_not_be_chosen_is_no_tools() -> None:
    request = made(asked(tools=(TOOL,), tool_choice=ToolChoice(mode=ToolMode.NONE)), "glm")
    assert "tools" not in request.body
    assert request.dropped == ()


def test_only_what_is_not_allowed_of_parallel_calls_is_named_by_gemini() -> None:
    for wanted, dropped in ((True, ()), (False, ("parallel_tool_calls",))):
        request = asked("gemini-2.5-flash", tools=(TOOL,), sampling=Sampling(parallel_tool_calls=wanted))
        assert gemini_request(request).dropped == dropped


SYSTEMS = (
    text_message(Role.SYSTEM, "A."), text_message(Role.USER, "hi"), text_message(Role.SYSTEM, "# Rules"),
)  # fmt: skip


def test_servers_that_take_one_system_message_get_one_and_the_others_all() -> None:
    own = made(said(*SYSTEMS), "own").body["messages"]
    assert own == [{"role": "system", "content": "A.\n\n# Rules"}, {"role": "user", "content": "hi"}]
    assert [message["role"] for message in made(said(*SYSTEMS)).body["messages"]] == ["system", "user", "system"]


def test_blocks_of_text_are_never_glued() -> None:
    blocks = (TextPart(text="<note>n</note>"), TextPart(text="do"))
    roles = (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL)
    messages = tuple(Message(role=role, parts=blocks, tool_call_id="t") for role in roles)
    for message in made(said(*messages), "own").body["messages"]:
        assert message["content"] == "<note>n</note>\n\ndo"


def shown(*parts: Any, after: tuple[Message, ...] = ()) -> CompletionRequest:
    call = ToolCall(id="t1", name="look", arguments="{}")
    return said(
        text_message(Role.USER, "hi"),
        Message(role=Role.ASSISTANT, tool_calls=(call, replace(call, id="t2"))),
        Message(role=Role.TOOL, parts=parts, tool_call_id="t1"),
        Message(role=Role.TOOL, parts=(TextPart(text="dark"),), tool_call_id="t2"),
        *after,
        tools=(TOOL,),
    )


def test_a_picture_in_a_tools_result_follows_all_results_in_a_message_of_the_user() -> None:
    sent = made(shown(PICTURE), "own").body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert isinstance(sent[2]["content"], str)
    assert sent[2]["content"]
    assert [part["type"] for part in sent[4]["content"]] == ["text", "image_url"]
    assert sent[4]["content"][1]["image_url"]["url"] == "data:image/png;base64,cG5n"
    both = shown(PICTURE).messages
    both = (*both[:3], replace(both[3], parts=(PICTURE,)))
    told = made(said(*both, tools=(TOOL,)), "own").body["messages"][4]["content"]
    assert [part["type"] for part in told] == ["text", "image_url", "text", "image_url"]
    joined = made(shown(PICTURE, after=(text_message(Role.USER, "so?"),)), "own").body["messages"]
    assert [message["role"] for message in joined] == ["user", "assistant", "tool", "tool", "user"]
    assert joined[4]["content"][-1] == {"type": "text", "text": "so?"}


def test_a_picture_in_a_tools_result_stands_in_it_from_gemini_3_on_and_behind_it_before() -> None:
    newer = gemini_request(replace(shown(PICTURE), model="gemini-3-flash")).body["contents"][2]["parts"]
    older = gemini_request(replace(shown(PICTURE), model="gemini-2.5-flash")).body["contents"][2]["parts"]
    assert newer[0]["functionResponse"]["parts"][0]["inlineData"]["mimeType"] == "image/png"
    assert "parts" not in older[0]["functionResponse"]
    assert older[2]["inlineData"]["mimeType"] == "image/png"


MEDIA = [
    ("own", "m", ["input_audio", "video_url"], ()),
    ("openai", "gpt-4o-audio-preview", ["input_audio"], ("messages.video",)),
    ("openai", "gpt-5", [], ("messages.audio", "messages.video")),
    ("qwen", "qwen3-omni-flash", ["input_audio", "video_url"], ()),
    ("qwen", "qwen3-vl-plus", ["video_url"], ("messages.audio",)),
    ("glm", "glm-4.5v", ["video_url"], ("messages.audio",)),
    ("deepseek", "deepseek-chat", [], ("messages.audio", "messages.video")),
]


@pytest.mark.parametrize(("name", "model", "kinds", "dropped"), MEDIA)
def test_sound_and_films_go_to_models_that_hear_and_see_and_are_named_for_the_others(
    name: str, model: str, kinds: list[str], dropped: tuple[str, ...]
) -> None:
    request = made(said(Message(role=Role.USER, parts=(VOICE, FILM)), model=model), name)
    content = request.body["messages"][0]["content"]
    sent = [part["type"] for part in content if part["type"] != "text"] if isinstance(content, list) else []
    assert (sent, request.dropped) == (kinds, dropped)
    for kind in dropped:
        assert f"[{kind.removeprefix('messages.')} left out" in str(content)


@pytest.mark.parametrize(
    ("media_type", "form"),
    [
        ("audio/mpeg", "mp3"), ("audio/mp3", "mp3"), ("audio/wav", "wav"), ("audio/x-wav", "wav"),
        ("audio/wave", "wav"), ("audio/x-m4a", "m4a"), ("audio/mp4", "m4a"), ("audio/flac", "flac"),
    ],
)  # fmt: skip
def test_sound_is_called_by_the_names_that_openais_kind_knows(media_type: str, form: str) -> None:
    sound = FilePart(filename="", data=b"RIFF", media_type=media_type)
    request = made(said(Message(role=Role.USER, parts=(sound,)), model="m"), "own")
    (part,) = request.body["messages"][0]["content"]
    assert part == {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": form}}


def test_sound_reaches_gemini_and_is_named_by_anthropic() -> None:
    request = said(Message(role=Role.USER, parts=(VOICE, FILM)), model="gemini-2.5-flash")
    parts = gemini_request(request).body["contents"][0]["parts"]
    assert parts[0]["inlineData"]["mimeType"] == "audio/wav"
    assert parts[1]["fileData"] == {"fileUri": FILM.url, "mimeType": "video/mp4"}
    made_of = claude(replace(request, model="claude-haiku-4-5"))
    assert made_of.dropped == ["messages.audio", "messages.video"]
    assert [block["type"] for block in made_of.body["messages"][0]["content"]] == ["text", "text"]


def test_fields_of_another_vendor_are_dropped_and_named() -> None:
    extra = {"context_management": {"edits": []}, "mcp_servers": [], "speed": "fast", "diagnostics": {}}
    betas = ("context-management-2025-06-27",)
    for request in (
        made(asked(extra=extra, betas=betas, surface="messages"), "own"),
        gemini_request(asked("gemini-2.5-flash", extra=extra, betas=betas, surface="messages")),
    ):
        assert set(request.dropped) == {*extra, "anthropic-beta"}
        assert not set(extra) & set(request.body)
    responses = made(asked(extra={"include": ["x"], "client_metadata": {}, "seed2": 1}, surface="responses"), "own")
    assert (responses.dropped, responses.body["seed2"]) == (("include", "client_metadata"), 1)


def test_a_beta_and_the_fields_it_enables_travel_together_or_not_at_all() -> None:
    extra = {"context_management": {"edits": []}, "speed": "fast"}
    together = claude(asked("claude-sonnet-4-5", extra=extra, betas=("a-1", "b-2"), surface="messages"))
    assert together.headers["anthropic-beta"] == "a-1,b-2"
    assert (together.body["context_management"], together.dropped) == ({"edits": []}, [])
    alone = claude(asked("claude-sonnet-4-5", extra=extra, surface="messages"))
    assert (alone.dropped, alone.body["speed"]) == (["context_management"], "fast")
    assert "anthropic-beta" not in alone.headers


def test_marks_on_tools_and_on_the_whole_request_reach_anthropic_and_are_named_elsewhere() -> None:
    tool = replace(TOOL, cache_ttl="1h", extra={"input_examples": [{}], "defer_loading": True})
    request = asked(
        "claude-sonnet-4-5", tools=(tool,), extra={"cache_control": {"type": "ephemeral"}}, surface="messages"
    )
    sent = claude(request)
    assert sent.body["cache_control"] == {"type": "ephemeral"}
    assert sent.body["tools"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert sent.body["tools"][0]["input_examples"] == [{}]
    assert sent.dropped == ["tools.defer_loading"]
    assert set(made(request, "own").dropped) == {"tools.input_examples", "tools.defer_loading", "cache_control"}


def test_the_marks_of_a_request_that_is_marked_as_a_whole_leave_a_place_for_that() -> None:
    parts = tuple(TextPart(text=str(number), cache_ttl="5m") for number in range(6))
    request = said(Message(role=Role.USER, parts=parts), extra={"cache_control": {"type": "ephemeral"}})
    sent = claude(replace(request, model="claude-sonnet-4-5")).body
    assert sum("cache_control" in block for block in sent["messages"][0]["content"]) == 3


def test_a_tool_of_anthropics_own_form_goes_to_anthropic_alone() -> None:
    tool = ToolDefinition(name="bash", extra={"type": "bash_20250124"})
    request = asked("claude-sonnet-4-5", tools=(tool, TOOL), tool_choice=ToolChoice(mode=ToolMode.NAMED, name="bash"))
    assert claude(request).body["tools"][0] == {"name": "bash", "type": "bash_20250124"}
    for sent in (made(request, "own"), gemini_request(request)):
        assert sent.dropped == ("tools.bash_20250124", "tool_choice")


def test_blocks_of_an_assistants_turn_keep_their_order() -> None:
    calls = tuple(ToolCall(id=f"t{number}", name="look", arguments="{}") for number in range(3))
    parts = (
        ThinkingPart(text="A", signature="a"), CallPart(index=0), ThinkingPart(text="B", signature="b"),
        CallPart(index=1), TextPart(text="so"),
    )  # fmt: skip
    message = Message(role=Role.ASSISTANT, parts=parts, tool_calls=calls)
    request = said(text_message(Role.USER, "hi"), message, model="claude-sonnet-4-5", tools=(TOOL,))
    blocks = claude(request).body["messages"][1]["content"]
    order = [block.get("thinking") or block.get("id") or block.get("text") for block in blocks]
    assert order == ["A", "t0", "B", "t1", "so", "t2"]
    for other in (made(request, "own").body["messages"], gemini_request(request).body["contents"]):
        assert "t2" in str(other[1])


def test_stop_sequences_are_cut_to_what_is_taken_and_named() -> None:
    stops = Sampling(stop=("a", "b", "c", "d", "e", "f"))
    for request, kept in (
        (made(asked("gpt-4.1", sampling=stops)), 4),
        (made(asked(sampling=stops), "glm"), 1),
    ):
        assert (len(request.body["stop"]), request.dropped) == (kept, ("stop",))
    google = gemini_request(asked("gemini-2.5-flash", sampling=stops))
    assert (len(google.body["generationConfig"]["stopSequences"]), google.dropped) == (5, ("stop",))
    blank = claude(asked("claude-sonnet-4-5", sampling=Sampling(stop=("END", "\n"))))
    assert (blank.body["stop_sequences"], blank.dropped) == (["END"], ["stop"])


def test_a_temperature_beyond_what_is_taken_is_the_highest() -> None:
    assert made(asked(sampling=Sampling(temperature=1.7)), "glm").body["temperature"] == 1.0
    assert made(asked(sampling=Sampling(temperature=0.7)), "glm").body["temperature"] == 0.7


def test_a_name_of_a_user_that_is_too_long_is_its_digest() -> None:
    sent = [made(asked("gpt-5", end_user=name)).body["user"] for name in ("me", "m" * 65, "m" * 65, "n" * 65)]
    assert sent[0] == "me"
    assert sent[1] == sent[2] != sent[3]
    assert len(sent[1]) == 64
    assert made(asked(end_user="m" * 65), "own").body["user"] == "m" * 65
