"""Encrypts what the database must not show: addresses and secrets of channels."""

import base64
import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from penstock_kit.errors import FailedPrecondition

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12


class SecretBox:
    """AES-256-GCM under a key made from the signing secret; an earlier secret still opens what it closed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = (hashlib.blake2b(b"penstock channels", key=secret.encode()[:64], digest_size=32) for secret in secrets)
        self._keys = [key.digest() for key in keys]

    @cached_property
    def _ciphers(self) -> "list[AESGCM]":
        """Made when the first channel is stored or read: the library takes 13 MB."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return [AESGCM(key) for key in self._keys]

    def close(self, text: str) -> str:
        """Return `text` encrypted, as base64."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._ciphers[0].encrypt(nonce, text.encode(), None)).decode()

    def open(self, closed: str) -> str:
        """Return what was closed. Raises FailedPrecondition (CHANNEL_SECRET_INVALID) when no secret fits any more."""
        from cryptography.exceptions import InvalidTag

        try:
            data = base64.b64decode(closed, validate=True)
        except ValueError:
            data = b""
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(data[:_NONCE], data[_NONCE:], None).decode()
            except (InvalidTag, ValueError):
                continue
        message = "the channel was stored under a JWT_SECRET that is not known any more; store it anew"
        raise FailedPrecondition(message, reason="CHANNEL_SECRET_INVALID")
