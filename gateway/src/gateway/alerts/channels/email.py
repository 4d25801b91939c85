"""E-mail over SMTP, encrypted or not at all where encryption is asked for."""

import asyncio
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, parseaddr
from re import fullmatch
from typing import Final, Literal

from gateway.alerts.channels.channel import Channel, DeliveryError
from gateway.alerts.message import Message

_SECONDS: Final = 15.0
_THREADS: Final = 4
_PERMANENT: Final = 500
# The older policy does not parse what it is given, so that no value becomes a header of its own.
_WIRE: Final = compat32.clone(linesep="\r\n")
RECIPIENT: Final = (
    r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
"""A plain address, ``name@host``, without display name, comment, quotes or encoded words (RFC 5321)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it goes over the wire, and its envelope."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The installation's mail server; without a host there is no e-mail. `security` ``none`` sends in the clear."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str
    password: str
    sender: str


class EmailSender:
    """Sends plain-text mail through the installation's server, from threads of its own.

    An attempt that is cancelled (its time is up) has its connection cut, so that its thread ends too.
    """

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="mail")

    async def send(self, channel: Channel, message: Message) -> None:
        """Deliver `message` to all recipients in one mail."""
        if not self._server.host:
            raise DeliveryError("no mail server is set (PENSTOCK_SMTP_HOST)", is_final=True)
        mail, attempt = self._mail(channel, message), _Attempt(self._server)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, attempt.deliver, mail)
        except asyncio.CancelledError:
            attempt.cut()
            raise
        except smtplib.SMTPResponseException as error:
            text = f"the mail server answered {error.smtp_code}"
            raise DeliveryError(text, is_final=error.smtp_code >= _PERMANENT) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise DeliveryError(f"the mail server refused the recipients: {error}", is_final=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"the mail server can't be used: {error}") from error

    def _mail(self, channel: Channel, message: Message) -> Mail:
        """Return the mail. Its subject is encoded whole: what looks like an encoded word in a name stays text."""
        for recipient in channel.recipients:
            if not fullmatch(RECIPIENT, recipient):
                raise DeliveryError(f"{recipient!r} is not a plain mail address", is_final=True)
        made = MIMEText(message.text, "plain", "utf-8")
        made["From"] = self._server.sender
        made["To"] = ", ".join(channel.recipients)
        made["Subject"] = Header(message.title, "utf-8", header_name="Subject").encode()
        made["Date"] = format_datetime(message.time)
        made["Message-ID"] = f"<{message.delivery_id}@penstock>"
        made["Auto-Submitted"] = "auto-generated"
        return Mail(
            sender=parseaddr(self._server.sender)[1],
            recipients=tuple(channel.recipients),
            content=made.as_bytes(policy=_WIRE),
        )


class _Attempt:
    """One mail on one connection, which another thread may cut."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._connection: smtplib.SMTP | None = None
        self._is_cut = False

    def deliver(self, mail: Mail) -> None:
        """Connect, encrypt as asked, sign in and send."""
        if self._is_cut:
            return
        server, context = self._server, ssl.create_default_context()
        with self._connect(context) as connection:
            self._connection = connection
            if server.security == "starttls":
                connection.starttls(context=context)  # raises when it is not offered: nothing goes in the clear
            if server.username:
                connection.login(server.username, server.password)
            if not self._is_cut:
                connection.sendmail(mail.sender, mail.recipients, mail.content)

    def cut(self) -> None:
        """End the connection: what waits on it fails at once."""
        self._is_cut = True
        if self._connection is not None and self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=context)
        return smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
