"""What Claude models take, by generation: Anthropic's API refuses a knob of another generation with a 400."""

import re
from dataclasses import dataclass
from typing import Final

# claude-3-5-sonnet-20241022, claude-opus-4-1, claude-sonnet-4-20250514, claude-haiku-5-5
_NAME: Final = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeTraits:
    """Whether a model takes temperature and its kin, thinks by a budget (or adaptively), and keeps to a schema."""

    sampling: bool = False
    budgeted_thinking: bool = False
    native_schema: bool = True


def traits_of(model: str) -> ClaudeTraits:
    """Return the traits of `model`; a name without a generation is taken for the newest."""
    found = _NAME.search(model)
    if found is None:
        return ClaudeTraits()
    generation = (int(found[1]), int(found[2] or 0))
    return ClaudeTraits(
        sampling=generation < (4, 7), budgeted_thinking=generation < (4, 6), native_schema=generation >= (4, 5)
    )
