"""Intent: how something is done is not why, when, where or whether it is done."""

from penstock_kit.text import Reading


def intent_differs(first: Reading, second: Reading) -> bool:
    """Return whether the questions ask for different things about the same."""
    return first.intent != second.intent
