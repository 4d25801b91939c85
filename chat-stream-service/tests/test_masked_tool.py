"""A tool's server that tells the secrets it was sent tells them to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chat_stream_service.adapters.operator_tools.masked_tool import MaskedTool, SecretMask
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.errors import FailedPrecondition

SECRET = "planted-tool-token-0001"


@dataclass
class TellingTool:
    """Tells what it knows, as its answer or as its failure."""

    fails: bool = False
    name: str = "teller"
    description: str = "Tells."
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        told = f"you sent Bearer {SECRET}"
        if self.fails:
            raise FailedPrecondition(told, reason="TOLD")
        return told


CONTEXT = ToolContext(
    tenant_id="default", user_id="ann", conversation_id="conv_1", stream_id="str_1", max_characters=1000
)


async def test_a_secret_in_a_result_is_masked() -> None:
    tool = MaskedTool(TellingTool(), SecretMask({SECRET, "ab"}))
    assert await tool.call({}, CONTEXT) == "you sent Bearer plan…0001"
    assert (tool.name, tool.description) == ("teller", "Tells.")


async def test_a_secret_in_a_failure_is_masked() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        await MaskedTool(TellingTool(fails=True), SecretMask({SECRET})).call({}, CONTEXT)
    assert SECRET not in repr(caught.value) + str(caught.value)


def test_without_secrets_nothing_is_masked() -> None:
    assert SecretMask(()).masked("as it is") == "as it is"
