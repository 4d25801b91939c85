"""One conversation with the gateway, by the client: ask, follow the stream through broken connections, stop it."""

import base64
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from penstock_cli.chat.event import Event
from penstock_cli.failure import CommandFailed
from penstock_cli.gateway import EXIT_UNREACHABLE, is_object, not_penstock, refused, unreachable
from penstock_cli.settings import CliSettings
from penstock_client import ApiError, ConnectionFailedError, Penstock, StreamBrokenError
from penstock_client.events import StreamEvent

# Seconds without progress after which a stream that broke off is given up.
_PATIENCE: Final = 30.0
_IS_CONVERSATION: Final = is_object("id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How to answer; empty for the gateway's defaults. `pictures`, in base64, go with the first question."""

    model: str = ""
    personality: str = ""
    use_tools: bool = True
    pictures: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """Return what the client is asked with. When this terminal goes away, the answer is of no use to anybody."""
        return {
            "model": self.model or None,
            "personality_id": self.personality or None,
            "use_tools": self.use_tools,
            "pictures": [base64.b64decode(picture) for picture in self.pictures],
            "on_disconnect": "cancel",
        }


class Conversation:
    """A conversation by id, made on the first question without one."""

    def __init__(
        self, settings: CliSettings, wishes: Wishes, *, conversation_id: str = "", patience: float = _PATIENCE
    ) -> None:
        self._settings = settings
        self._client = Penstock(settings.urls, api_key=settings.api_key, max_retries=0)
        self._wishes = wishes
        self._patience = patience
        self.id = conversation_id
        self._stream_id = ""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, question: str) -> Iterator[Event]:
        """Yield the events of the answer up to the terminal one; resumes where a broken connection left off."""
        with self._explained():
            if not self.id:
                self.id = self._create()
            self._stream_id = ""
            options = self._wishes.options()
            self._wishes = replace(self._wishes, pictures=())  # later answers of the conversation see them too
            for event in self._client.conversations.ask(self.id, question, patience=self._patience, **options):
                self._stream_id = event.stream_id or self._stream_id
                yield _event(event)

    def stop(self) -> bool:
        """Stop the running answer on the server; False when there is none."""
        if not self._stream_id:
            return False
        with self._explained():
            return bool(self._client.streams.stop(self._stream_id)["stopped"])

    def _create(self) -> str:
        made: Any = self._client.conversations.create()
        if not _IS_CONVERSATION(made):
            raise not_penstock(f"this is not Penstock: what {self._settings.url} answers is no conversation")
        return str(made["id"])

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except ApiError as error:
            raise refused(self._settings, error.status, error.detail) from None
        except ConnectionFailedError as error:
            raise unreachable(self._settings, str(error)) from None
        except StreamBrokenError:
            message = "the stream broke off and could not be continued"
            raise CommandFailed(message, exit_code=EXIT_UNREACHABLE) from None


def _event(event: StreamEvent) -> Event:
    return Event(kind=event.type, sequence=event.sequence, fields=dict(event.raw))
