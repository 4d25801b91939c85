"""The three channels behind an address: DingTalk, WeCom and a webhook of the tenant's own."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson

from gateway.alerts.channels.channel import Channel, DeliveryError
from gateway.alerts.channels.signature import dingtalk_query, webhook_signature
from gateway.alerts.message import Message
from penstock_kit.errors import PenstockError, PermissionDenied
from penstock_kit.outbound.guarded_http import GuardedHttp, Request

# What the robots take at most, in bytes of UTF-8.
_DINGTALK_BYTES: Final = 20_000
_WECOM_BYTES: Final = 2_048
_SECONDS: Final = 10.0
_LARGEST_ANSWER: Final = 64 * 1024
_OK: Final = 300
_TOO_MANY: Final = 429
_CLIENT, _SERVER = 400, 500


class HttpSender:
    """Posts JSON to addresses that tenants named, only where the guard lets it."""

    def __init__(self, http: GuardedHttp, *, now: Callable[[], float]) -> None:
        self._http = http
        self._now = now

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        request = Request(method="POST", url=url, headers=headers, body=body)
        try:
            async with self._http.send(request, seconds=_SECONDS) as response:
                answer = await response.content.read(_LARGEST_ANSWER)
                status = response.status
        except PermissionDenied as error:
            # What a name leads to inside the operator's network is not for the tenant who wrote the name.
            text = "the address is not on the public internet" if error.reason == "ADDRESS_DENIED" else error.message
            raise DeliveryError(text, is_final=True) from error
        except PenstockError as error:
            raise DeliveryError(error.message, is_final=not error.retryable) from error
        except Exception as error:  # aiohttp's, a timeout's: a network has many ways to fail
            raise DeliveryError(f"the address can't be reached: {error or type(error).__name__}") from error
        if status >= _OK:
            final = _CLIENT <= status < _SERVER and status != _TOO_MANY
            raise DeliveryError(f"the address answered {status}", is_final=final)
        return answer


class DingTalkSender(HttpSender):
    """DingTalk's group robot. Its answer's ``errcode`` decides, not the status."""

    async def send(self, channel: Channel, message: Message) -> None:
        """Deliver `message` as plain text, signed when the channel has a secret."""
        milliseconds = int(self._now() * 1000)
        signed = dingtalk_query(channel.secrets[0], milliseconds) if channel.secrets else ""
        body = {"msgtype": "text", "text": {"content": cut(message.text, _DINGTALK_BYTES)}}
        answer = await self._post(channel.url + signed, orjson.dumps(body), _JSON)
        _check_errcode(answer)


class WeComSender(HttpSender):
    """WeCom's group robot. Its answer's ``errcode`` decides, not the status."""

    async def send(self, channel: Channel, message: Message) -> None:
        """Deliver `message` as plain text, cut at WeCom's limit on a character's edge."""
        body = {"msgtype": "text", "text": {"content": cut(message.text, _WECOM_BYTES)}}
        _check_errcode(await self._post(channel.url, orjson.dumps(body), _JSON))


class WebhookSender(HttpSender):
    """A webhook of the tenant's own: JSON, signed over the time and the exact bytes."""

    async def send(self, channel: Channel, message: Message) -> None:
        """Deliver `message`; each attempt has its own time and signature, all have one ``x-penstock-delivery``."""
        body = orjson.dumps(
            {
                "delivery_id": message.delivery_id,
                "change": message.change,
                "title": message.title,
                "lines": message.lines,
                "fingerprint": message.fingerprint,
                "episode": message.episode,
                "severity": message.severity,
                "time": message.time,
            }
        )
        seconds = int(self._now())
        headers = {**_JSON, "x-penstock-delivery": message.delivery_id, "x-penstock-timestamp": str(seconds)}
        if channel.secrets:
            signatures = (webhook_signature(secret, seconds, body) for secret in channel.secrets)
            headers["x-penstock-signature"] = ",".join(signatures)
        await self._post(channel.url, body, headers)


_JSON: Final = {"content-type": "application/json; charset=utf-8"}


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` bytes of UTF-8, cut between characters, with an ellipsis where it was cut."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode(errors="ignore") + "…"


def _check_errcode(answer: bytes) -> None:
    try:
        told: Any = orjson.loads(answer)
    except orjson.JSONDecodeError:
        raise DeliveryError("the robot's answer is not JSON") from None
    fields = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    code = fields.get("errcode")
    if code != 0:
        raise DeliveryError(
            f"the robot refused the message: errcode {code}, {fields.get('errmsg', '')}", is_final=code in _FINAL
        )


# DingTalk: 310000 wrong signature or keyword; WeCom: 93000 unknown key, 40058 bad argument. Rates (130101, 45009) pass.
_FINAL: Final = frozenset({310000, 300001, 93000, 40058, 40035, 400013})
