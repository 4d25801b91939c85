"""A broker of MQTT 5 in this process, for consumers of QoS 0 and 1.

It keeps sessions, shares subscriptions (`$share/group/filter`), gives again what was not acknowledged, holds to the
Receive Maximum and the Maximum Packet Size (what is larger it drops and counts), takes over sessions, and can be cut
off and opened again: what its sessions hold outlives that.
"""

import asyncio
import contextlib
import itertools
import ssl
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from penstock_testkit.servers import mqtt_packet as wire


@dataclass(slots=True, eq=False)
class Session:
    """What the broker keeps of a client: filters, messages that wait, and those it has and did not acknowledge."""

    client_id: str
    filters: dict[str, int] = field(default_factory=dict[str, int])
    waiting: deque[tuple[str, bytes, int, bool]] = field(default_factory=deque[tuple[str, bytes, int, bool]])
    sent: dict[int, tuple[str, bytes]] = field(default_factory=dict[int, tuple[str, bytes]])
    writer: asyncio.StreamWriter | None = None
    expiry: int = 0
    most: int = 65_535
    largest: int = 268_435_460
    dropped: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.cycle(range(1, 65_536)))
    acknowledged: list[int] = field(default_factory=list[int])

    def push(self) -> None:
        """Send what may be sent."""
        while self.writer is not None and self.waiting and len(self.sent) < self.most:
            topic, payload, qos, retained = self.waiting.popleft()
            number = next(each for each in self.numbers if each not in self.sent) if qos else 0
            packet = wire.publish(topic, payload, number, retained=retained)
            if len(packet) > self.largest:
                self.dropped += 1
                continue
            if number:
                self.sent[number] = (topic, payload)
            self.writer.write(packet)

    def repeat(self) -> None:
        """Send again what was not acknowledged, under the same packet ids."""
        assert self.writer is not None
        for number, (topic, payload) in self.sent.items():
            self.writer.write(wire.publish(topic, payload, number, again=True))


class MqttBroker:
    """The broker; `sessions` are by client id. `refuse_filters` are refused with "not authorized".

    Whoever subscribes to one of `cutting_filters` loses the connection; `cuts` counts that.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self._tls = tls
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, bytes] = {}
        self.refuse_filters: set[str] = set()
        self.cutting_filters: set[str] = set()
        self.cuts = 0
        self._server: asyncio.Server | None = None
        self._turn = itertools.count()

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"mqtt{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)

    async def cut(self) -> None:
        """Listen no more, and drop every connection without a word."""
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions.values()):
            self._leave(session)
        if self._server is not None:
            await self._server.wait_closed()

    def cut_client(self, client_id: str) -> None:
        """Drop the connection of one client."""
        self._leave(self.sessions[client_id])

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Take a message as from a device: every plain subscription gets it, and one member of each share group."""
        if retain:
            self.retained[topic] = payload
        groups: dict[str, list[Session]] = {}
        for session in self.sessions.values():
            for each in session.filters:
                group, plain = _parted(each)
                if matches(plain, topic):
                    groups.setdefault(group or f"/{session.client_id}", []).append(session)
        for members in groups.values():
            there = [member for member in members if member.writer is not None] or members
            chosen = there[next(self._turn) % len(there)]
            chosen.waiting.append((topic, payload, qos, False))
            chosen.push()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session: Session | None = None
        try:
            while True:
                packet = await wire.read_packet(reader)
                if packet.kind == wire.CONNECT:
                    session = self._connect(packet, writer)
                elif session is None or session.writer is not writer or not self._answer(session, packet):
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if session is not None and session.writer is writer:
                self._leave(session)
            writer.close()

    def _connect(self, packet: wire.Packet, writer: asyncio.StreamWriter) -> Session:
        packet.text()
        packet.number(1)
        clean = bool(packet.number(1) & 2)
        packet.number()
        properties = packet.properties()
        client_id = packet.text()
        session = self.sessions.get(client_id)
        present = session is not None and not clean
        if session is not None and session.writer is not None:
            session.writer.write(wire.packet(wire.DISCONNECT, b"\x8e\0"))
            session.writer.close()
        if session is None or clean:
            session = self.sessions[client_id] = Session(client_id)
        session.writer = writer
        session.expiry = properties.get(wire.SESSION_EXPIRY, 0)
        session.most = properties.get(wire.RECEIVE_MAXIMUM, 65_535)
        session.largest = properties.get(wire.MAXIMUM_PACKET_SIZE, 268_435_460)
        writer.write(wire.packet(wire.CONNACK, bytes([present, 0, 0])))
        session.repeat()
        session.push()
        return session

    def _answer(self, session: Session, packet: wire.Packet) -> bool:
        assert session.writer is not None
        if packet.kind == wire.PUBACK:
            number = packet.number()
            session.acknowledged.append(number)
            session.sent.pop(number, None)
            session.push()
        elif packet.kind == wire.PUBLISH:
            self._take(session, packet)
        elif packet.kind == wire.SUBSCRIBE:
            return self._subscribe(session, packet)
        elif packet.kind == wire.UNSUBSCRIBE:
            number = packet.take(2)
            packet.properties()
            count = 0
            while packet.at < len(packet.body):
                session.filters.pop(packet.text(), None)
                count += 1
            session.writer.write(wire.packet(wire.UNSUBACK, number + b"\0" + b"\0" * count))
        elif packet.kind == wire.PINGREQ:
            session.writer.write(wire.packet(wire.PINGRESP))
        elif packet.kind == wire.DISCONNECT:
            if len(packet.body) > 1:
                packet.number(1)
                session.expiry = packet.properties().get(wire.SESSION_EXPIRY, session.expiry)
            return False
        return True

    def _take(self, session: Session, packet: wire.Packet) -> None:
        assert session.writer is not None
        topic, qos = packet.text(), packet.flags >> 1 & 3
        number = packet.take(2) if qos else b""
        packet.properties()
        self.publish(topic, packet.body[packet.at :], qos=qos, retain=bool(packet.flags & 1))
        if qos:
            session.writer.write(wire.packet(wire.PUBACK, number))

    def _subscribe(self, session: Session, packet: wire.Packet) -> bool:
        assert session.writer is not None
        number = packet.take(2)
        packet.properties()
        granted = bytearray()
        for_new: list[tuple[str, bytes]] = []
        while packet.at < len(packet.body):
            name, options = packet.text(), packet.number(1)
            if name in self.cutting_filters:
                self.cuts += 1
                return False
            if name in self.refuse_filters:
                granted.append(0x87)
                continue
            session.filters[name] = options & 3
            granted.append(options & 3)
            group, plain = _parted(name)
            if not group:
                for_new += [(topic, payload) for topic, payload in self.retained.items() if matches(plain, topic)]
        session.writer.write(wire.packet(wire.SUBACK, number + b"\0" + bytes(granted)))
        session.waiting.extend((topic, payload, 1, True) for topic, payload in for_new)
        session.push()
        return True

    def _leave(self, session: Session) -> None:
        """The connection of a session is gone; without an expiry the session is too, and others get what it had."""
        writer, session.writer = session.writer, None
        if writer is not None:
            with contextlib.suppress(RuntimeError):
                writer.transport.abort() if session.expiry else writer.close()
        if not session.expiry and self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]
            for topic, payload in [*session.sent.values(), *((each[0], each[1]) for each in session.waiting)]:
                self.publish(topic, payload)


def _parted(name: str) -> tuple[str, str]:
    """The share group of a filter, empty for none, and the filter without it."""
    if not name.startswith("$share/"):
        return "", name
    _, group, plain = name.split("/", 2)
    return group, plain


def matches(plain: str, topic: str) -> bool:
    """Whether a filter has a topic."""
    wanted, given = plain.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, given = wanted[:-1], given[: len(wanted) - 1]
    return len(wanted) == len(given) and all(each in ("+", part) for each, part in zip(wanted, given, strict=True))
