"""What evaluates alerts and tells people."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from gateway.alerts.budgets import budget_check
from gateway.alerts.channels.channel import ChannelKind
from gateway.alerts.channels.email import EmailSender, SmtpServer
from gateway.alerts.channels.http import DingTalkSender, WebhookSender, WeComSender
from gateway.alerts.delivery_store import DeliveryStore
from gateway.alerts.devices import DeviceValues
from gateway.alerts.evaluator import AlertEvaluator
from gateway.alerts.inbound import InboundAlerts
from gateway.alerts.lease import LeaseStore
from gateway.alerts.messages import message_check
from gateway.alerts.notifier import Notifier
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.store import AlertStore
from gateway.alerts.system import SystemChecks
from gateway.composition.clients import Clients
from gateway.health.readiness import Readiness
from gateway.monitoring.alert_metrics import AlertMetrics
from gateway.monitoring.disk_metrics import used_share
from gateway.monitoring.samples import Samples
from gateway.settings import GatewaySettings
from penstock_kit.clock import Clock
from penstock_kit.database import Database
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """The store behind the routes, what sends, and what evaluates."""

    store: AlertStore
    deliveries: DeliveryStore
    notifier: Notifier
    evaluator: AlertEvaluator
    inbound: InboundAlerts


def build_alerts(
    settings: GatewaySettings,
    *,
    database: Database,
    secrets: tuple[str, ...],
    clients: Clients,
    readiness: Readiness,
    samples: Samples,
    clock: Clock,
    home: Path,
    metrics: AlertMetrics,
) -> Alerts:
    """Return what alerts need; nothing runs until the evaluator does."""
    store, deliveries = AlertStore(database, SecretBox(secrets)), DeliveryStore(database)
    networks = tuple(ipaddress.ip_network(entry) for entry in settings.networks())
    http = GuardedHttp(Destinations(hosts=("*",), networks=networks))

    def now() -> float:
        return clock.now().timestamp()

    senders = {
        ChannelKind.EMAIL: EmailSender(smtp_server(settings)),
        ChannelKind.DINGTALK: DingTalkSender(http, now=now),
        ChannelKind.WECOM: WeComSender(http, now=now),
        ChannelKind.WEBHOOK: WebhookSender(http, now=now),
    }
    notifier = Notifier(
        store=store, deliveries=deliveries, senders=senders, http=http, clock=clock, metrics=metrics,
        sends_mail=bool(settings.smtp_host),
    )  # fmt: skip
    checks = SystemChecks(
        samples=samples,
        readiness=readiness,
        llm=clients.llm,
        disk_share=lambda: used_share(home),
        more=(budget_check(clients.costs), message_check(clients.features)),
    )
    evaluator = AlertEvaluator(
        store=store,
        leases=LeaseStore(database),
        deliveries=deliveries,
        system=checks,
        devices=DeviceValues(features=clients.features, metadata=clients.metadata),
        notifier=notifier,
        clock=clock,
        metrics=metrics,
        seconds=settings.alert_seconds,
    )
    inbound = InboundAlerts(store=store, own=checks.rule_names())
    return Alerts(store=store, deliveries=deliveries, notifier=notifier, evaluator=evaluator, inbound=inbound)


def smtp_server(settings: GatewaySettings) -> SmtpServer:
    """Return the mail server that the settings name."""
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value(),
        sender=settings.smtp_sender,
    )
