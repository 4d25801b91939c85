"""E-mail over SMTP, encrypted or not at all where encryption is asked for."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal

from gateway.alerts.channels.channel import Channel, DeliveryError
from gateway.alerts.message import Message

_SECONDS: Final = 15.0
_PERMANENT: Final = 500


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
    """Sends plain-text mail through the installation's server."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def send(self, channel: Channel, message: Message) -> None:
        """Deliver `message` to all recipients in one mail."""
        if not self._server.host:
            raise DeliveryError("no mail server is set (PENSTOCK_SMTP_HOST)", is_final=True)
        mail = self._mail(channel, message)
        try:
            await asyncio.to_thread(self._deliver, mail)
        except smtplib.SMTPResponseException as error:
            text = f"the mail server answered {error.smtp_code}"
            raise DeliveryError(text, is_final=error.smtp_code >= _PERMANENT) from error
        except smtplib.SMTPRecipientsRefused as error:
            raise DeliveryError(f"the mail server refused the recipients: {error}", is_final=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"the mail server can't be used: {error}") from error

    def _mail(self, channel: Channel, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._server.sender
        mail["To"] = ", ".join(channel.recipients)
        mail["Subject"] = message.title
        mail["Date"] = format_datetime(message.time)
        mail["Message-ID"] = f"<{message.delivery_id}@penstock>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text, charset="utf-8", cte="base64")
        return mail

    def _deliver(self, mail: EmailMessage) -> None:
        server, context = self._server, ssl.create_default_context()
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
        with connection:
            if server.security == "starttls":
                connection.starttls(
                    context=context
                )  # raises when the server does not offer it: nothing goes in the clear
            if server.username:
                connection.login(server.username, server.password)
            connection.send_message(mail)
