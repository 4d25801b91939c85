"""The connection to a broker, by paho: messages come on its thread, and are acknowledged when we say so."""

import contextlib
import hashlib
import itertools
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.mqtt.address import BrokerAddress
from penstock_kit.errors import FailedPrecondition
from penstock_kit.logging import get_logger

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_KEEPALIVE: Final = 30
_LONGEST_PAUSE: Final = 30
_TAKEN_OVER: Final = 0x8E
_REFUSED: Final = 0x80
# Packets of up to so many of the largest payloads are taken, so that the refusal can tell of most that are too large.
_PAYLOADS_OF_A_PACKET: Final = 4
_TOPIC_BYTES: Final = 65_536
_LARGEST_PACKET: Final = 268_435_455
# What a message takes in memory beside its texts.
_MESSAGE_BYTES: Final = 1_000

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLogin:
    """Where the broker is and who we are to it. Files are PEM; empty ones are not used.

    `in_flight` messages at most are given to us before we acknowledge one; the session is kept for `session_seconds`
    when the connection ends.
    """

    address: BrokerAddress
    client_id: str
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    in_flight: int = 2_000
    session_seconds: int = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message as the broker gave it, on the connection `generation`; `packet` is 0 for one that wants no answer."""

    topic: str
    payload: bytes
    size: int
    packet: int
    generation: int
    again: bool
    retained: bool

    @property
    def kept_bytes(self) -> int:
        """What the message takes while it waits, by a rough count: a topic may have 64 KiB."""
        return len(self.payload) + len(self.topic) + _MESSAGE_BYTES

    @property
    def receipt(self) -> str:
        """What tells the message from others while the broker's session lasts; empty when nothing does."""
        if not self.packet:
            return ""
        digest = hashlib.blake2b(self.topic.encode(errors="replace") + b"\0" + self.payload, digest_size=12)
        return f"{self.packet}:{digest.hexdigest()}"


class BrokerClient:
    """Keeps a connection open, and comes back when it is lost.

    `drops_topic` is where the broker counts what it dropped, empty for nowhere; one that ends the connection over it
    is not asked again. `on_drops` is told that count.

    `on_delivery` is called on paho's thread, in the order of the broker, and may block: then nothing more is read.
    Payloads of more than `max_bytes` are not kept, and packets of far more the broker is told not to give: all of one
    is in memory before we hear of it.
    """

    def __init__(
        self,
        login: BrokerLogin,
        *,
        filters: Sequence[str],
        dropped_filters: Callable[[], Sequence[str]],
        on_delivery: Callable[[Delivery], None],
        on_lost: Callable[[], None],
        max_bytes: int,
        drops_topic: str = "",
        on_drops: Callable[[int], None] = lambda dropped: None,
    ) -> None:
        self._drops_topic = drops_topic
        self._on_drops = on_drops
        self._drops_packet: int | None = None
        self._login = login
        self._filters = tuple(filters)
        self._dropped_filters = dropped_filters
        self._on_delivery = on_delivery
        self._on_lost = on_lost
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._generation = 0
        self._is_connected = False
        self._subscribed = threading.Event()
        self.trouble = "not connected yet"
        self.taken_over = False
        self._stops = False
        self._client = self._new_client()

    @property
    def is_ready(self) -> bool:
        """Whether messages come: connected, and every subscription granted."""
        return self._is_connected and self._subscribed.is_set()

    def start(self) -> None:
        """Begin to connect, in the background, until it succeeds."""
        address = self._login.address
        self._client.connect_async(
            address.host, address.port, _KEEPALIVE, clean_start=False, properties=self._connect_properties()
        )
        self._client.loop_start()

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge in this order what came on the connection that is open; what came before comes again."""
        with self._lock:
            for each in deliveries:
                if each.packet and each.generation == self._generation and self._is_connected:
                    self._client.ack(each.packet, 1)

    def unsubscribe(self) -> None:
        """Ask for no more messages: others of the group get them from now on."""
        if self._is_connected:
            self._client.unsubscribe(list(self._filters))

    def stop(self, *, end_session: bool) -> None:
        """Say goodbye, and end the broker's session when told to. It blocks until the thread has ended."""
        self._stops = True
        self._client.disconnect(properties=_disconnect_properties(end_session=end_session))
        self._client.loop_stop()

    def _new_client(self) -> "Client":
        client = new_client(self._login)
        client.reconnect_delay_set(1, _LONGEST_PAUSE)
        client.on_connect = self._connected
        client.on_connect_fail = self._connect_failed
        client.on_subscribe = self._granted
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        return client

    def _connect_properties(self) -> Any:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties: Any = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._login.session_seconds
        properties.ReceiveMaximum = self._login.in_flight
        properties.MaximumPacketSize = min(_PAYLOADS_OF_A_PACKET * self._max_bytes + _TOPIC_BYTES, _LARGEST_PACKET)
        return properties

    def _connected(self, client: "Client", _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fail(f"the broker refuses the connection: {reason}")
            return
        with self._lock:
            self._is_connected = True
        dropped = list(self._dropped_filters())
        if flags.session_present and dropped:
            client.unsubscribe(dropped)
        client.subscribe([(each, _subscribe_options()) for each in self._filters])
        log.info("connected to the broker", broker=self._login.address.host_and_port, client_id=self._login.client_id)

    def _granted(self, client: Any, _: Any, packet: int, reasons: Sequence[Any], properties: Any) -> None:
        if packet == self._drops_packet:
            self._drops_answered(reasons[0])
            return
        refused = [
            f"{topic} ({reason})"
            for topic, reason in itertools.zip_longest(self._filters, reasons)
            if reason is None or reason.value >= _REFUSED
        ]
        if refused:
            self._fail(f"the broker refuses the subscription to {', '.join(refused)}")
            return
        self.trouble = ""
        self._subscribed.set()
        if self._drops_topic:
            self._drops_packet = client.subscribe(self._drops_topic, qos=0)[1]

    def _drops_answered(self, reason: Any) -> None:
        self._drops_packet = None
        if reason.value >= _REFUSED:
            log.info("the broker does not tell what it drops", topic=self._drops_topic, detail=str(reason))

    def _connect_failed(self, client: Any, _: Any) -> None:
        or_else = ", or its certificate is not trusted (MQTT_CA_FILE)" if self._login.address.tls else ""
        self._fail(f"the broker does not answer{or_else}")

    def _disconnected(self, client: "Client", _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._lock:
            self._generation += 1
            self._is_connected = False
        self._subscribed.clear()
        if self._drops_packet is not None:
            log.info("the broker is not asked again what it drops: it ended the connection", topic=self._drops_topic)
            self._drops_packet, self._drops_topic = None, ""
        self._on_lost()
        if getattr(reason, "value", 0) == _TAKEN_OVER:
            self.taken_over = True
            self._fail(
                f"another client connected as {self._login.client_id!r}, so this one stopped; give each replica an "
                "MQTT_CLIENT_ID of its own and start it again"
            )
            client.disconnect()  # never connect again: the two would take the session from each other for ever
        elif not self.trouble and not self._stops:
            self._fail(f"the connection is lost: {reason}")

    def _fail(self, why: str) -> None:
        if why != self.trouble:
            (log.error if self.taken_over else log.warning)(
                "MQTT", broker=self._login.address.host_and_port, detail=why
            )
        self.trouble = why

    def _received(self, client: Any, _: Any, message: Any) -> None:
        payload: bytes = message.payload
        try:
            topic = str(message.topic)
        except UnicodeDecodeError:
            topic = ""
        if topic and topic == self._drops_topic:
            with contextlib.suppress(ValueError):
                self._on_drops(int(payload))
            return
        self._on_delivery(
            Delivery(
                topic=topic,
                payload=payload if len(payload) <= self._max_bytes else payload[:200],
                size=len(payload),
                packet=message.mid if message.qos else 0,
                generation=self._generation,
                again=bool(message.dup),
                retained=bool(message.retain),
            )
        )


def new_client(login: BrokerLogin) -> "Client":
    """Return a client that is not connected yet. Raises FailedPrecondition EXTRA_UNAVAILABLE or CERTIFICATE_INVALID."""
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    except ImportError:
        raise FailedPrecondition(
            "MQTT_URL is set, but its client is not installed: pip install 'penstock-feature-service[mqtt]'",
            reason="EXTRA_UNAVAILABLE",
        ) from None
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=login.client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=True,
    )
    if login.address.username:
        client.username_pw_set(login.address.username, login.address.password or None)
    if login.address.tls:
        client.tls_set_context(_tls(login))  # pyright: ignore[reportUnknownMemberType]
    return client


def _tls(login: BrokerLogin) -> ssl.SSLContext:
    for name, file in (("MQTT_CA_FILE", login.ca_file), ("MQTT_CERT_FILE", login.cert_file)):
        if file and not Path(file).is_file():
            raise FailedPrecondition(f"{name} is {file!r}, which is no file", reason="CERTIFICATE_INVALID")
    try:
        context = ssl.create_default_context(cafile=login.ca_file or None)
        if login.cert_file:
            context.load_cert_chain(login.cert_file, login.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise FailedPrecondition(
            f"the certificates of MQTT can't be read: {error}", reason="CERTIFICATE_INVALID"
        ) from None
    return context


def _subscribe_options() -> Any:
    from paho.mqtt.subscribeoptions import SubscribeOptions

    return SubscribeOptions(qos=1)


def _disconnect_properties(*, end_session: bool) -> Any:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties: Any = Properties(PacketTypes.DISCONNECT)
    if end_session:
        properties.SessionExpiryInterval = 0
    return properties
