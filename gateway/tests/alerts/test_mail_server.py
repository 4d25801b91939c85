"""How the mail server of the installation is spoken to: encrypted and by its certificate, signed in, and as whom."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from alert_world import channel, message

from gateway.alerts.channels.channel import Channel, ChannelKind, DeliveryError
from gateway.alerts.channels.email import EmailSender, SmtpServer
from penstock_testkit.receivers import MailServer
from penstock_testkit.servers.certificate import make_certificate

TO_ANN = channel(ChannelKind.EMAIL, recipients=("ann@plant.test",))


def server(port: int, **fields: Any) -> SmtpServer:
    whole: dict[str, Any] = {"security": "none", "username": "", "password": "", "sender": "penstock@plant.test"}
    return SmtpServer(**({"host": "127.0.0.1"} | whole | fields), port=port)


async def send(server: SmtpServer, to: Channel = TO_ANN) -> None:
    await EmailSender(server).send(to, message())


async def test_without_a_mail_server_nothing_is_tried_and_the_setting_is_named() -> None:
    async with MailServer() as mail:
        with pytest.raises(DeliveryError, match=r"no mail server is set \(PENSTOCK_SMTP_HOST\)") as refused:
            await send(server(mail.port, host=""))
    assert refused.value.is_final
    assert mail.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_encrypted_to_a_server_whose_certificate_is_trusted_and_to_no_other(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = make_certificate(tmp_path)
    async with MailServer(context=context, tls=security == "tls") as mail:
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED") as refused:
            await send(server(mail.port, security=security))
        assert (mail.mails, refused.value.is_final) == ([], False)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        await send(server(mail.port, security=security))
        assert len(mail.mails) == 1


async def test_who_has_a_name_signs_in_before_the_mail_and_who_has_none_does_not() -> None:
    async with MailServer() as mail:
        await send(server(mail.port))
        assert mail.signed_in == []
        await send(server(mail.port, username="plant", password="s3cret"))
    assert mail.signed_in == ["AUTH PLAIN " + base64.b64encode(b"\0plant\0s3cret").decode()]
    assert len(mail.mails) == 2


async def test_the_envelope_names_the_address_of_the_sender_and_the_mail_the_whole_of_it() -> None:
    async with MailServer() as mail:
        await send(server(mail.port, sender="Penstock <penstock@plant.test>"))
    assert mail.senders == ["mail FROM:<penstock@plant.test>"]
    assert mail.mails[0]["From"] == "Penstock <penstock@plant.test>"
    assert b"\n" not in mail.raw[0].replace(b"\r\n", b"")


async def test_recipients_that_are_all_refused_are_asked_no_more() -> None:
    async with MailServer(refuses_recipient="550 nobody of that name") as mail:
        with pytest.raises(DeliveryError, match="refused the recipients") as refused:
            await send(server(mail.port))
    assert refused.value.is_final
    assert mail.mails == []


async def test_a_mail_server_that_is_not_there_is_tried_again() -> None:
    async with MailServer() as mail:
        gone = mail.port
    await asyncio.sleep(0)
    with pytest.raises(DeliveryError, match="the mail server can't be used") as refused:
        await send(server(gone))
    assert not refused.value.is_final
