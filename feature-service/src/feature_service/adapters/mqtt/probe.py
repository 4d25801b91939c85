"""Tries a broker once: whether it takes us, without touching any session."""

import secrets
import threading
from dataclasses import replace
from typing import Any

from feature_service.adapters.mqtt.client import BrokerLogin, new_client


def probe(login: BrokerLogin, *, seconds: float) -> str:
    """Return why the broker does not take us, empty when it does. Raises FailedPrecondition as the client does."""
    done = threading.Event()
    found = [f"does not answer within {seconds:g} s"]

    def connected(_: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        found[0] = f"refuses the connection: {reason}" if reason.is_failure else ""
        done.set()

    client = new_client(replace(login, client_id=f"penstock-doctor-{secrets.token_hex(4)}"))
    client.on_connect = connected
    client.connect_timeout = seconds
    try:
        client.connect(login.address.host, login.address.port, clean_start=True)
    except OSError as error:
        return f"can't be reached: {error.strerror or error}"
    client.loop_start()
    done.wait(seconds)
    client.disconnect()
    client.loop_stop()
    return found[0]
