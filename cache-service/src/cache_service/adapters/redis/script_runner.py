"""Runs scripts by their hash, and sends the text where a server does not know it (any more)."""

from collections.abc import Sequence
from typing import Any, Final

from penstock_kit.redis.connection import Command
from penstock_kit.redis.link import RedisLink, RedisUnavailable, is_missing_script
from penstock_kit.redis.script import Script

_NO_ROOM: Final = "OOM"


class ScriptRefused(Exception):  # noqa: N818 - the server's own word
    """The server refused a script for what it does, which is a fault of ours."""


class ScriptRunner:
    """Runs one script a call. A server that lost it has run nothing, so it is sent again, once, with its text."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        *arguments: Any,
        before: Sequence[Command] = (),
        lane: str = "",
        may_lack_room: bool = False,
    ) -> Any:
        """Return the script's answer. Raises RedisUnavailable when Redis is away or does not answer in time.

        Commands `before` it are sent once, with it; `lane` is the link's. With `may_lack_room` a full server's refusal
        is returned. After a timeout the script may have run or not: whatever adds must not be sent again.
        """
        call = ("EVALSHA", script.sha, len(keys), *keys, *arguments)
        *_, answer = await self._link.run([*before, call], lane=lane, may_lack_room=True)
        if is_missing_script(answer):
            call = ("EVAL", script.text, len(keys), *keys, *arguments)
            (answer,) = await self._link.run([call], lane=lane, may_lack_room=True)
        if isinstance(answer, Exception) and not may_lack_room:
            # A full server is well, and this must be done without it.
            raise (RedisUnavailable if _NO_ROOM in f"{answer}" else ScriptRefused)(f"{answer}")
        return answer
