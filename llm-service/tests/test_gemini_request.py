"""Questions in Gemini's dialect."""

from dataclasses import replace
from typing import Any

import pytest

from llm_service.domain.model.message import (
    FilePart,
    ImagePart,
    Message,
    Role,
    TextPart,
    ThinkingPart,
    ToolCall,
    text_message,
)
from llm_service.domain.model.request import (
    CompletionRequest,
    Reasoning,
    ResponseForm,
    ResponseFormat,
    Sampling,
    ToolChoice,
    ToolDefinition,
    ToolMode,
)
from llm_service.providers.gemini_request import request_of
from llm_service.testing import question
from penstock_kit.errors import InvalidArgument

NEW, OLD = "gemini-3.8-flash", "gemini-2.5-flash"
TOOL = ToolDefinition(name="look", description="Looks.", parameters='{"type": "object"}')
CALL = ToolCall(id="c1", name="look", arguments='{"at": 1}')
SCHEMA = ResponseFormat(form=ResponseForm.JSON_SCHEMA, schema='{"type": "object"}')


def body(request: CompletionRequest) -> dict[str, Any]:
    return request_of(request).body


def test_turns_of_one_role_are_joined_and_instructions_stand_apart() -> None:
    picture = ImagePart(data=b"\x89PNG", media_type="image/png")
    made = body(
        CompletionRequest(
            model=NEW,
            messages=(
                text_message(Role.SYSTEM, "be brief"),
                text_message(Role.USER, "what is this?"),
                Message(role=Role.USER, parts=(picture, ImagePart(url="https://x.test/a.png"))),
                Message(
                    role=Role.USER, parts=(FilePart(filename="a.pdf", data=b"%PDF", media_type="application/pdf"),)
                ),
            ),
        )
    )
    assert made["systemInstruction"] == {"parts": [{"text": "be brief"}]}
    assert made["contents"] == [
        {
            "role": "user",
            "parts": [
                {"text": "what is this?"},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
                {"fileData": {"fileUri": "https://x.test/a.png", "mimeType": "image/png"}},
                {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
            ],
        }
    ]
    assert "generationConfig" not in made


@pytest.mark.parametrize(
    ("text", "is_error", "response"),
    [
        ('{"n": 1}', False, {"n": 1}),
        ("[1]", False, {"result": [1]}),
        ("plain", False, {"result": "plain"}),
        ("broken", True, {"error": "broken"}),
    ],
)
def test_a_tools_result_is_an_object_named_after_its_tool(text: str, is_error: bool, response: object) -> None:
    asked = question(model=NEW)
    calls = Message(role=Role.ASSISTANT, tool_calls=(CALL,))
    result = Message(role=Role.TOOL, tool_call_id="c1", parts=(TextPart(text=text),), is_error=is_error)
    made = body(replace(asked, messages=(*asked.messages, calls, result)))
    assert made["contents"][2]["parts"] == [{"functionResponse": {"id": "c1", "name": "look", "response": response}}]


def test_a_call_made_elsewhere_passes_without_a_signature_where_one_is_demanded() -> None:
    asked = question()
    thought = ThinkingPart(text="hm", signature="another vendor's")
    calls = Message(role=Role.ASSISTANT, parts=(thought,), tool_calls=(CALL, replace(CALL, id="c2")))
    for model, signatures in ((NEW, ["skip_thought_signature_validator", None]), (OLD, [None, None])):
        made = body(replace(asked, model=model, messages=(*asked.messages, calls)))
        assert [part.get("thoughtSignature") for part in made["contents"][1]["parts"]] == signatures


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(), None),
        (ToolChoice(mode=ToolMode.AUTO), {"mode": "AUTO"}),
        (ToolChoice(mode=ToolMode.NONE), {"mode": "NONE"}),
        (ToolChoice(mode=ToolMode.REQUIRED), {"mode": "ANY"}),
        (ToolChoice(mode=ToolMode.NAMED, name="look"), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_each_tool_choice_has_its_form(choice: ToolChoice, sent: object) -> None:
    made = body(replace(question(model=NEW), tools=(TOOL,), tool_choice=choice))
    declared = {"name": "look", "description": "Looks.", "parametersJsonSchema": {"type": "object"}}
    assert made["tools"] == [{"functionDeclarations": [declared]}]
    assert made.get("toolConfig", {}).get("functionCallingConfig") == sent


def test_a_schema_is_kept_to_by_the_model_where_tools_allow_it() -> None:
    for model, tools in ((NEW, (TOOL,)), (OLD, ())):
        made = body(replace(question(model=model), response_format=SCHEMA, tools=tools))
        assert made["generationConfig"]["responseJsonSchema"] == {"type": "object"}
    older = body(replace(question(model=OLD), response_format=SCHEMA, tools=(TOOL,)))
    assert "generationConfig" not in older
    assert "JSON Schema" in older["systemInstruction"]["parts"][0]["text"]


def test_a_schema_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="not JSON"):
        body(replace(question(model=NEW), response_format=replace(SCHEMA, schema="{oops")))


@pytest.mark.parametrize(
    ("model", "wanted", "config"),
    [
        (NEW, Reasoning(effort="none"), {"thinkingLevel": "LOW"}),
        (NEW, Reasoning(effort="high", include=True), {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        (NEW, Reasoning(max_tokens=4000), {"thinkingLevel": "MEDIUM"}),
        (OLD, Reasoning(effort="none"), {"thinkingBudget": 0}),
        (OLD, Reasoning(effort="low", max_tokens=99), {"thinkingBudget": 99}),
    ],
)
def test_thinking_is_asked_for_as_the_model_takes_it(model: str, wanted: Reasoning, config: dict[str, object]) -> None:
    made = body(replace(question(model=model), reasoning=wanted))
    assert made["generationConfig"]["thinkingConfig"] == config


def test_knobs_are_in_the_configuration_and_those_gemini_lacks_are_named() -> None:
    sampling = Sampling(temperature=0.5, top_k=3, max_output_tokens=9, stop=("END",), n=2, parallel_tool_calls=False)
    extra: dict[str, object] = {"safety_settings": [], "logit_bias": {}}
    sent = request_of(replace(question(model=OLD), sampling=sampling, extra=extra, tools=(TOOL,)))
    made, dropped = sent.body, sent.dropped
    assert made["generationConfig"] == {"temperature": 0.5, "topK": 3, "maxOutputTokens": 9, "stopSequences": ["END"]}
    assert made["safetySettings"] == []
    assert dropped == ("n", "parallel_tool_calls", "logit_bias")
