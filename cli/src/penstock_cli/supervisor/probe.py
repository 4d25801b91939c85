"""Asks a service whether it is ready, over a bare socket.

The gRPC client library would cost the supervisor 20 MB for one message; the health check is four
HTTP/2 frames, written out here after RFC 9113 and the gRPC health checking protocol.
"""

import socket
from typing import Final

from penstock_kit.address import host_and_port

_TIMEOUT_SECONDS: Final = 2.0
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x7
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_FRAME_HEAD: Final = 9
_EMPTY_REQUEST: Final = b"\0\0\0\0\0"
_SERVING: Final = b"\0\0\0\0\x02\x08\x01"


def grpc_serving(host: str, port: int, *, timeout: float = _TIMEOUT_SECONDS) -> bool:
    """Whether the gRPC server at this address answers its health check with SERVING."""
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(_health_check(host_and_port(host, port)))
            return _answer(connection) == _SERVING
    except OSError:
        return False


def http_ready(host: str, port: int, path: str = "/ready", *, timeout: float = _TIMEOUT_SECONDS) -> bool:
    """Whether ``GET path`` at this address answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host_and_port(host, port)}\r\nConnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(request)
            status = _received(connection, len(b"HTTP/1.1 200"))
    except OSError:
        return False
    return status.endswith(b" 200")


def _health_check(authority: str) -> bytes:
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0)
        + _frame(_HEADERS, _END_HEADERS, 1, block)
        + _frame(_DATA, _END_STREAM, 1, _EMPTY_REQUEST)
    )


def _text(text: str) -> bytes:
    """A string literal of HPACK without Huffman coding; ours are all under 127 bytes."""
    return bytes((len(text),)) + text.encode("ascii")


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _answer(connection: socket.socket) -> bytes:
    """Return the payload of the first message frame, empty when the call ends without one."""
    while True:
        head = _received(connection, _FRAME_HEAD)
        if len(head) < _FRAME_HEAD:
            return b""
        payload = _received(connection, int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]
        if kind == _DATA and payload:
            return payload
        if kind in {_RST_STREAM, _GOAWAY} or (kind == _HEADERS and flags & _END_STREAM):
            return b""
        if kind == _SETTINGS and not flags & _ACK:
            connection.sendall(_frame(_SETTINGS, _ACK, 0))


def _received(connection: socket.socket, count: int) -> bytes:
    """Return `count` bytes, fewer at the end of the connection."""
    parts = b""
    while len(parts) < count and (part := connection.recv(count - len(parts))):
        parts += part
    return parts
