"""The intake of MQTT messages, where the settings name a broker."""

import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from feature_service.composition.stores import Stores
from feature_service.domain.ingest.lost_messages import LostMessages
from feature_service.domain.ingest.message_ingestion import MessageIngestion
from feature_service.domain.ingest.message_reading import MessagePlan
from feature_service.domain.ingest.point_ingestion import DEVICE_TAGS
from feature_service.domain.ingest.precision import nanoseconds_of
from feature_service.domain.ingest.registration_allowance import RegistrationAllowance
from feature_service.domain.ingest.topic_pattern import topic_patterns
from feature_service.edge.servicer import FeatureServices
from feature_service.settings import FeatureSettings
from penstock_kit.clock import Clock
from penstock_kit.home import ensure_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from feature_service.adapters.mqtt.client import BrokerLogin
    from feature_service.adapters.mqtt.intake import MqttIntake


_GROUP: Final = "penstock"


def build_lost_messages(settings: FeatureSettings, stores: Stores, clock: Clock) -> LostMessages | None:
    """Return what counts lost messages where the settings name a broker."""
    if not settings.mqtt_url.get_secret_value():
        return None
    from feature_service.adapters.mqtt.sql_losses import SqlLostMessageStore

    return LostMessages(SqlLostMessageStore(stores.database), clock)


def build_intake(settings: FeatureSettings, services: FeatureServices, clock: Clock) -> "MqttIntake | None":
    """Return the intake that the settings ask for, None for none; the service's status tells of it.

    Raises InvalidArgument BROKER_URL_INVALID and FailedPrecondition EXTRA_UNAVAILABLE.
    """
    losses = services.lost_messages
    if losses is None:
        return None
    from feature_service.adapters.mqtt.intake import IntakePlan, MqttIntake
    from feature_service.adapters.mqtt.journal import FileReceiptJournal

    folder = ensure_home(settings.home / "mqtt")
    journal = FileReceiptJournal(folder / "receipts")
    plan = MessagePlan(
        format=settings.mqtt_payload,
        timestamp_key=settings.mqtt_timestamp_key,
        unit=nanoseconds_of(settings.mqtt_time_precision) if settings.mqtt_time_precision else None,
        device_tags=(settings.mqtt_device_tag,) if settings.mqtt_device_tag else DEVICE_TAGS,
        max_bytes=settings.mqtt_max_payload_bytes,
    )
    login = broker_login(settings, settings.mqtt_client_id or _kept_client_id(folder / "client_id"))
    intake = MqttIntake(
        plan=IntakePlan(
            patterns=topic_patterns(settings.mqtt_topics),
            share_group=_share_group(settings.mqtt_share_group, login),
            folder=folder,
            max_bytes=settings.mqtt_max_payload_bytes,
            leaves=settings.mqtt_on_stop == "leave",
            drops_topic=settings.mqtt_drops_topic,
        ),
        login=login,
        ingestion=MessageIngestion(
            storage=services.points.storage,
            plan=plan,
            tenant_id=settings.mqtt_tenant,
            counts=services.ingest_counts,
            journal=journal,
            allowance=RegistrationAllowance(settings.mqtt_new_devices_per_hour, clock.monotonic),
        ),
        journal=journal,
        losses=losses,
        clock=clock,
    )
    services.status.add("mqtt", intake.ping)
    return intake


def broker_login(settings: FeatureSettings, client_id: str = "") -> "BrokerLogin":
    """Return who we are to the broker. Raises InvalidArgument BROKER_URL_INVALID."""
    from feature_service.adapters.mqtt.address import BrokerAddress
    from feature_service.adapters.mqtt.client import BrokerLogin

    address = BrokerAddress.parse(settings.mqtt_url.get_secret_value())
    if settings.mqtt_username:
        address = replace(address, username=settings.mqtt_username, password=settings.mqtt_password.get_secret_value())
    return BrokerLogin(
        address=address,
        client_id=client_id,
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
        in_flight=settings.mqtt_in_flight,
        session_seconds=settings.mqtt_session_seconds,
    )


@asynccontextmanager
async def taking_messages(intake: "MqttIntake | None") -> AsyncGenerator[None]:
    """Take messages in while the block runs, when there is an intake."""
    if intake is None:
        yield
        return
    async with intake.running():
        yield


def _share_group(chosen: str, login: "BrokerLogin") -> str:
    """Return the group that replicas share, empty for none.

    Brokers let whoever may subscribe at all join a group whose name he knows, and give him a part of its messages, if
    only to drop them. So the name is made of the password that all replicas have and no device has.
    """
    if chosen:
        return "" if chosen == "off" else chosen
    address = login.address
    if not address.password:
        return _GROUP
    salt = f"{_GROUP}\0{address.username}".encode()
    name = hashlib.scrypt(address.password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=12).hex()
    return f"{_GROUP}-{name}"


def _kept_client_id(path: Path) -> str:
    """The name of this home's session: the same at every start, another one in every other home."""
    try:
        known = path.read_text().strip()
    except FileNotFoundError:
        known = ""
    if not known:
        known = f"penstock-{secrets.token_hex(6)}"
        path.write_text(known)
    return known
