"""uvicorn's WebSocket protocol, for which what a client did wrong is no error of ours."""

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from penstock_kit.logging import get_logger

log = get_logger(__name__)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Ends a handshake that is refused as one that was answered, and a text that is none without a traceback."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says; the end of an HTTP answer ends the handshake, too."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def send_receive_event_to_app(self) -> None:
        """Give a whole message to the application; close the socket (1007) for a text that is no UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                log.info("a client sent a text that is no UTF-8; its socket ends")
                self.frames = []
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()
