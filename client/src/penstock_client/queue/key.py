"""Where the queue's key comes from: an argument, a file, or the system's key store."""

import base64
import binascii
import contextlib
import hashlib
import importlib
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

from penstock_client.errors import QueueError
from penstock_client.queue.safe_file import open_file

KEY_BYTES: Final = 32
_STORE_SECONDS: Final = 2.0
_PRIVATE: Final = 0o600
_LONGEST_FILE: Final = 1024
_T = TypeVar("_T")


class KeySource(Protocol):
    """Gives the queue its key."""

    def load(self) -> bytes | None:
        """Return the key of 32 bytes, None when there is none yet. Raises QueueError when it can't be told."""
        ...

    def create(self) -> bytes:
        """Make a key, keep it and return it. Only called for an empty queue."""
        ...


class GivenKey:
    """A key that the program has: 32 bytes, those in base64, or a passphrase of at least 8 characters."""

    def __init__(self, key: bytes | str) -> None:
        self._key = _from_argument(key)

    def load(self) -> bytes | None:
        """Return the key."""
        return self._key

    def create(self) -> bytes:
        """Return the key: it was made before."""
        return self._key


class KeyFile:
    """A key in a file that only its owner can read. It protects a queue that is copied without it.

    A link to it is followed, as secrets that are mounted are links, unless `follow_links` is False.
    """

    def __init__(self, path: str | os.PathLike[str], *, follow_links: bool = True) -> None:
        self._path = Path(path)
        self._follow_links = follow_links

    def load(self) -> bytes | None:
        """Return the key, None when there is no file. Raises QueueError when the file holds no key."""
        try:
            text = self._read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise QueueError(f"the key of the offline queue can't be read from {self._path}: {error}") from error
        key = _decoded(text.strip())
        if key is None:
            raise QueueError(f"{self._path} holds no key of the offline queue: 32 bytes in base64 are expected")
        return key

    def _read(self) -> str:
        if self._follow_links:
            return self._path.read_text("ascii")
        with open(open_file(self._path, os.O_RDONLY), "rb") as file:  # noqa: PTH123 - this very file
            return file.read(_LONGEST_FILE).decode("ascii")

    def create(self) -> bytes:
        """Make a key, or take that of another process that was faster."""
        key = secrets.token_bytes(KEY_BYTES)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - opened by its descriptor, for its mode
                file.write(base64.urlsafe_b64encode(key) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, self._path)  # fails when there is one: whole or not at all
        except FileExistsError:
            return self.load() or key
        except OSError as error:
            raise QueueError(f"the key of the offline queue can't be written to {self._path}: {error}") from error
        finally:
            with contextlib.suppress(OSError):
                beside.unlink()
        return key


class SystemKeyStore:
    """The system's key store, by the ``keyring`` package. One that hangs or is locked is an error after 2 s."""

    def __init__(self, *, service: str = "penstock-client", name: str = "offline-queue") -> None:
        self._service = service
        self._name = name

    def load(self) -> bytes | None:
        """Return the key, None when the store has none."""
        text = self._bounded(lambda: _keyring().get_password(self._service, self._name))
        if text is None:
            return None
        key = _decoded(text)
        if key is None:
            raise QueueError(f"the system's key store holds no key of 32 bytes under {self._service}/{self._name}")
        return key

    def create(self) -> bytes:
        """Make a key and keep it in the store."""
        key = secrets.token_bytes(KEY_BYTES)
        text = base64.urlsafe_b64encode(key).decode()
        self._bounded(lambda: _keyring().set_password(self._service, self._name, text))
        return key

    def _bounded(self, ask: Callable[[], _T]) -> _T:
        answer: list[_T] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                answer.append(ask())
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits
                failure.append(error)

        thread = threading.Thread(target=run, daemon=True, name="key-store")
        thread.start()
        thread.join(_STORE_SECONDS)
        if answer:
            return answer[0]
        why = str(failure[0]) or type(failure[0]).__name__ if failure else f"no answer within {_STORE_SECONDS:g} s"
        remedy = "unlock it, or give encryption_key= or key_source=KeyFile(…); the queue was not touched"
        raise QueueError(f"the system's key store can't be used ({why}): {remedy}")


def key_id(key: bytes) -> bytes:
    """Return eight bytes that tell a wrong key from a damaged file and say nothing about the key."""
    return hashlib.blake2b(b"penstock offline queue", key=key, digest_size=8).digest()


def _from_argument(key: bytes | str) -> bytes:
    if isinstance(key, bytes) and len(key) == KEY_BYTES:
        return key
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    decoded = _decoded(text)
    if decoded is not None:
        return decoded
    if len(text) < 8:
        raise QueueError("an encryption key is 32 bytes, those in base64, or a passphrase of at least 8 characters")
    return hashlib.scrypt(text.encode(), salt=b"penstock offline queue", n=2**14, r=8, p=1, dklen=KEY_BYTES)


def _decoded(text: str) -> bytes | None:
    try:
        key = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_"))
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _keyring() -> "_Keyring":
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as error:
        raise QueueError("SystemKeyStore needs the keyring package: pip install 'penstock-client[keyring]'") from error
    return cast("_Keyring", keyring)


class _Keyring(Protocol):
    def get_password(self, service_name: str, username: str) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str) -> None: ...
