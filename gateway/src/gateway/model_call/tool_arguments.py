"""Arguments of tool calls that come in pieces, told apart from complete ones."""

import orjson


def is_complete(arguments: str) -> bool:
    """Whether `arguments` are whole JSON, so that the call they belong to has ended.

    Vendors send calls one after another or their pieces in turns, and none says when a call ends.
    """
    try:
        orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return False
    return True
