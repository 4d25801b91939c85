"""A tool whose answers show none of the operator's secrets, though its server may tell the ones it was sent."""

import re
from collections.abc import Iterable
from typing import Final

from chat_stream_service.domain.model.tool import Arguments, Tool, ToolContext, WrappedTool
from penstock_kit.errors import PenstockError
from penstock_kit.redaction import mask_secret

_SHORTEST: Final = 4


class SecretMask:
    """Replaces the values it knows, those of 4 characters or more, in texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted((secret for secret in secrets if len(secret) >= _SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def masked(self, text: str) -> str:
        """Return `text` with the secrets in it masked."""
        return self._pattern.sub(lambda found: mask_secret(found.group()), text) if self._pattern else text


class MaskedTool(WrappedTool):
    """The tool inside, with its results and errors masked; see Tool."""

    def __init__(self, tool: Tool, mask: SecretMask) -> None:
        super().__init__(tool)
        self._mask = mask

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the result of the tool inside, masked; its errors are raised with their message masked."""
        try:
            return self._mask.masked(await self._tool.call(arguments, context))
        except PenstockError as error:
            error.message = self._mask.masked(error.message)
            error.args = (error.message,)
            raise
