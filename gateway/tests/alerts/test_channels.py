"""What the other side of each channel gets, and what becomes of its refusals."""

import base64
import hashlib
import hmac
import ipaddress
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_string
from email.header import decode_header
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from alert_world import channel, message

from gateway.alerts.channels.channel import ChannelKind, DeliveryError
from gateway.alerts.channels.email import EmailSender, SmtpServer
from gateway.alerts.channels.http import DingTalkSender, WebhookSender, WeComSender, cut
from gateway.alerts.channels.signature import dingtalk_query
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp
from penstock_testkit.receivers import HttpReceiver, MailServer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
ODD = "<b>x</b>\r\nBcc: y@z [a](b)"


@pytest.fixture
async def http() -> Any:
    guarded = GuardedHttp(Destinations(hosts=("*",), networks=LOOPBACK))
    yield guarded
    await guarded.close()


def at(seconds: float) -> Any:
    return lambda: seconds


def test_a_message_names_everything_that_is_known_in_both_languages() -> None:
    assert message().text.splitlines() == [
        "[ALERT] hot WLD001",
        "Severity: critical",
        "Tenant: acme",
        "Device: WLD001",
        "Field: temperature",
        "Last seen: 2026-05-01 11:59:58 UTC",
        "Value: 91.25",
        "Since: 2026-05-01 12:00:00 UTC",
    ]
    assert message(language="zh").text.splitlines()[:4] == [
        "[告警] hot WLD001",
        "级别: critical",
        "租户: acme",
        "设备: WLD001",
    ]


async def test_dingtalk_gets_a_signature_that_is_encoded_once_and_of_this_very_attempt(http: GuardedHttp) -> None:
    secret = next(f"SEC{n}" for n in range(500) if "%2B" in dingtalk_query(f"SEC{n}", 1_700_000_000_000))
    async with HttpReceiver() as robot:
        sender = DingTalkSender(http, now=at(1_700_000_000.0))
        await sender.send(channel(ChannelKind.DINGTALK, url=robot.url, secrets=(secret,)), message())
    (query,) = robot.queries
    digest = hmac.new(secret.encode(), f"1700000000000\n{secret}".encode(), hashlib.sha256).digest()
    assert (query["timestamp"], query["access_token"]) == ("1700000000000", "t0ken")
    assert query["sign"] == base64.b64encode(digest).decode()
    assert "+" in unquote(query["sign"])
    assert orjson.loads(robot.bodies[0]) == {"msgtype": "text", "text": {"content": message().text}}


@pytest.mark.parametrize(
    ("sender_class", "kind"), [(DingTalkSender, ChannelKind.DINGTALK), (WeComSender, ChannelKind.WECOM)]
)
async def test_a_robots_errcode_decides_and_not_its_status(
    sender_class: Any, kind: ChannelKind, http: GuardedHttp
) -> None:
    async with HttpReceiver(
        (200, {"errcode": 40058, "errmsg": "bad"}), (200, {"errcode": 45009, "errmsg": "slow"})
    ) as robot:
        sender = sender_class(http, now=at(0))
        with pytest.raises(DeliveryError, match="errcode 40058, bad") as final:
            await sender.send(channel(kind, url=robot.url), message())
        with pytest.raises(DeliveryError, match="errcode 45009") as passing:
            await sender.send(channel(kind, url=robot.url), message())
    assert (final.value.is_final, passing.value.is_final) == (True, False)


async def test_a_webhook_is_signed_over_its_time_and_the_exact_bytes_with_both_secrets(http: GuardedHttp) -> None:
    async with HttpReceiver((204, {})) as hook:
        sender = WebhookSender(http, now=at(1_700_000_000.9))
        await sender.send(channel(ChannelKind.WEBHOOK, url=hook.url, secrets=("new", "old")), message(ODD))
    (body,), (headers,) = hook.bodies, hook.headers
    expected = [
        "v1=" + hmac.new(secret, b"1700000000." + body, hashlib.sha256).hexdigest() for secret in (b"new", b"old")
    ]
    assert headers["x-penstock-signature"] == ",".join(expected)
    assert (headers["x-penstock-timestamp"], headers["x-penstock-delivery"]) == ("1700000000", "dlv_1")
    assert orjson.loads(body)["episode"] == 3


@pytest.mark.parametrize(("status", "final"), [(400, True), (404, True), (429, False), (500, False), (503, False)])
async def test_refusals_are_final_or_for_now(status: int, final: bool, http: GuardedHttp) -> None:
    async with HttpReceiver((status, {})) as hook:
        with pytest.raises(DeliveryError, match=str(status)) as refused:
            await WebhookSender(http, now=at(0)).send(channel(ChannelKind.WEBHOOK, url=hook.url), message())
    assert refused.value.is_final is final


async def test_an_address_inside_the_network_is_refused_unless_the_operator_allows_it() -> None:
    guarded = GuardedHttp(Destinations(hosts=("*",)))
    async with HttpReceiver() as hook:
        for url in (hook.url, "http://169.254.169.254/latest/meta-data", "http://localhost/robot"):
            with pytest.raises(DeliveryError, match="not on the public internet") as refused:
                await WebhookSender(guarded, now=at(0)).send(channel(ChannelKind.WEBHOOK, url=url), message())
            assert refused.value.is_final
    assert hook.bodies == []
    await guarded.close()


@pytest.mark.parametrize("limit", [10, 11, 12, 13, 2048])
def test_a_text_is_cut_at_bytes_between_characters(limit: int) -> None:
    text = cut("温度过高" * 400, limit)
    assert len(text.encode()) <= limit
    assert text.endswith("…")
    assert set(text[:-1]) <= set("温度过高")


def server(mail: MailServer, **fields: Any) -> SmtpServer:
    whole: dict[str, Any] = {
        "security": "none",
        "username": "",
        "password": "",
        "sender": "penstock@plant.test",
        **fields,
    }
    return SmtpServer(host="127.0.0.1", port=mail.port, **whole)


async def test_mail_is_plain_text_whatever_a_device_is_called() -> None:
    async with MailServer() as mail:
        to = channel(ChannelKind.EMAIL, recipients=("ann@plant.test", "bo@plant.test"))
        await EmailSender(server(mail)).send(to, message(ODD))
    (got,) = mail.mails
    assert got["To"] == "ann@plant.test, bo@plant.test"
    assert got["Bcc"] is None
    assert got["Message-ID"] == "<dlv_1@penstock>"
    assert got.get_content_type() == "text/plain"
    assert "Device: <b>x</b>  Bcc: y@z [a](b)" in got.get_content()
    assert len(mail.recipients) == 2
    assert max(len(line) for line in mail.raw[0].split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "name",
    [
        "=?utf-8?b?CkJjYzogeEB5CgpldmlsIGJvZHk=?=",
        "=?utf-8?q?a=0d=0aBcc:_x@y?=",
        "a\nBcc: x@y",
        "温度 =?utf-8?b?CkJjYzogeEB5?= 高",
    ],
)
async def test_a_subject_is_the_name_as_it_was_written_and_no_header_more(name: str) -> None:
    async with MailServer() as mail:
        told = replace(message(), title=f"[ALERT] {name}")
        await EmailSender(server(mail)).send(channel(ChannelKind.EMAIL, recipients=("ann@plant.test",)), told)
    head = mail.raw[0].replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii")
    fields = [line.partition(":")[0] for line in head.splitlines() if not line.startswith((" ", "\t"))]
    assert sorted(fields) == sorted(
        [
            "Content-Type",
            "MIME-Version",
            "Content-Transfer-Encoding",
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
        ]
    )
    parts = decode_header(message_from_string(head)["Subject"])
    assert "".join(text.decode(coding or "ascii") for text, coding in parts) == f"[ALERT] {name}".replace("\n", " ")
    assert mail.recipients == ["rcpt TO:<ann@plant.test>"]


@pytest.mark.parametrize(
    "recipient",
    [
        "v@=?utf-8?b?CkJjYzogeEB5?=",
        "a@=?x",
        "<script>@b",
        "a@(",
        ".@.",
        "<@>",
        "a b@c",
        'x"y@c',
        "a@b:c",
        "a@b\n",
        "ａ@b.c",
    ],
)
async def test_mail_goes_to_plain_addresses_alone(recipient: str) -> None:
    async with MailServer() as mail:
        with pytest.raises(DeliveryError, match="not a plain mail address") as refused:
            await EmailSender(server(mail)).send(channel(ChannelKind.EMAIL, recipients=(recipient,)), message())
    assert refused.value.is_final
    assert mail.mails == []


async def test_an_address_without_an_answer_of_dns_is_tried_again_and_an_inner_one_is_not() -> None:
    public = GuardedHttp(Destinations(hosts=("*",)))
    try:
        sender = WebhookSender(public, now=at(1_700_000_000))
        with pytest.raises(DeliveryError, match="no address") as gone:
            await sender.send(channel(ChannelKind.WEBHOOK, url="https://nowhere.invalid/x"), message())
        with pytest.raises(DeliveryError) as inner:
            await sender.send(channel(ChannelKind.WEBHOOK, url="https://localhost/x"), message())
    finally:
        await public.close()
    assert not gone.value.is_final
    assert inner.value.is_final
    assert "127.0.0.1" not in str(inner.value)


async def test_nothing_is_sent_in_the_clear_where_encryption_is_asked_for() -> None:
    async with MailServer() as mail:
        sender = EmailSender(server(mail, security="starttls"))
        with pytest.raises(DeliveryError, match="STARTTLS"):
            await sender.send(channel(ChannelKind.EMAIL, recipients=("ann@plant.test",)), message())
    assert mail.mails == []


@pytest.mark.parametrize(("answer", "final"), [("550 no such user", True), ("451 later", False)])
async def test_a_mail_servers_refusal_is_final_or_for_now(answer: str, final: bool) -> None:
    async with MailServer(refuses=answer) as mail:
        with pytest.raises(DeliveryError) as refused:
            await EmailSender(server(mail)).send(channel(ChannelKind.EMAIL, recipients=("ann@plant.test",)), message())
    assert refused.value.is_final is final
