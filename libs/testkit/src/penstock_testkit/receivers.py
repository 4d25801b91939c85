"""Local stand-ins of those who are told: an HTTP receiver and a mail server that keep what came."""

import asyncio
import email
import json
import ssl
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web


class HttpReceiver:
    """A robot or webhook: `answers` are used one by one, then the last again; none comes before `gate` is set."""

    def __init__(self, *answers: tuple[int, Any], gate: asyncio.Event | None = None) -> None:
        self._gate = gate
        self.answers = list(answers) or [(200, {"errcode": 0, "errmsg": "ok"})]
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> "HttpReceiver":
        application = web.Application()
        application.router.add_post("/robot", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}/robot?access_token=t0ken"
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.queries.append(dict(parse_qsl(urlsplit(str(request.rel_url)).query)))
        if self._gate is not None:
            await self._gate.wait()
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text=json.dumps(answer), content_type="application/json")


class MailServer:
    """Takes mail over SMTP, with STARTTLS when it has a context, over TLS from the first byte with `tls` too.

    `refuses` is answered to DATA's end when set, `refuses_recipient` to each RCPT. `signed_in` holds each AUTH.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        tls: bool = False,
        refuses: str = "",
        refuses_recipient: str = "",
    ) -> None:
        self.signed_in: list[str] = []
        self._tls = tls
        self._refuses_recipient = refuses_recipient
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[str] = []
        self.senders: list[str] = []
        self.port = 0
        self._context = context
        self._refuses = refuses
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "MailServer":
        over = self._context if self._tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=over)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        say("220 mail.test")
        while line := await reader.readline():
            word = line.decode().strip().split(" ")[0].upper()
            if word == "EHLO":
                say(f"250-mail.test\r\n{'250-STARTTLS' if self._context else '250-HELP'}\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                self.signed_in.append(line.decode().strip())
                say("235 ok")
            elif word == "STARTTLS" and self._context:
                say("220 go on")
                await writer.drain()
                await writer.start_tls(self._context)
            elif word == "MAIL":
                self.senders.append(line.decode().strip().partition(" size=")[0])
                say("250 ok")
            elif word == "RCPT":
                self.recipients.append(line.decode().strip())
                say(self._refuses_recipient or "250 ok")
            elif word == "DATA":
                say("354 go on")
                body = await reader.readuntil(b"\r\n.\r\n")
                self.raw.append(body)
                self.mails.append(email.message_from_bytes(body[:-5], policy=default))  # type: ignore[arg-type]
                say(self._refuses or "250 ok")
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
            await writer.drain()
        writer.close()


class TarPit:
    """A mail server that greets without end: each line says that another follows."""

    def __init__(self) -> None:
        self.port = self.connected = self.left = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "TarPit":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test\r\n")
        await reader.readline()
        self.connected += 1
        writer.write(b"250-wait\r\n")
        await reader.read()
        self.left += 1
        writer.close()
