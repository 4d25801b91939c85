"""Each rule about the system fired and resolved, from the service that says so to the stand-ins of those told."""

import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from alert_world import CHANNEL, NOW, Devices
from penstock.chat.v1 import chat_pb2_grpc
from penstock.common.v1.common_pb2 import ComponentStatus, Money
from penstock.feature.v1 import feature_pb2_grpc
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc, llm_pb2, llm_pb2_grpc
from prometheus_client import CollectorRegistry
from test_rules import GivenSamples

from gateway.alerts.budgets import budget_check
from gateway.alerts.channels.channel import Channel, ChannelKind
from gateway.alerts.channels.email import EmailSender, SmtpServer
from gateway.alerts.channels.http import DingTalkSender, WebhookSender, WeComSender
from gateway.alerts.delivery_store import DeliveryStore
from gateway.alerts.evaluator import AlertEvaluator
from gateway.alerts.lease import LeaseStore
from gateway.alerts.notifier import Notifier
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.store import AlertStore
from gateway.alerts.system import SystemChecks
from gateway.composition.clients import open_clients
from gateway.health.readiness import Readiness
from gateway.main import MIGRATIONS
from gateway.monitoring.alert_metrics import AlertMetrics
from gateway.settings import GatewaySettings
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp
from penstock_testkit import services
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out
from penstock_testkit.receivers import HttpReceiver, MailServer

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@dataclass
class Plant:
    """A gateway's alerts over services that the test moves, and a stand-in of each kind of channel."""

    llm: Any
    costs: Any
    samples: GivenSamples
    disk: float
    clock: ManualClock
    store: AlertStore
    evaluate: Callable[[], Any]
    hook: HttpReceiver
    dingtalk: HttpReceiver
    wecom: HttpReceiver
    mail: MailServer

    async def pass_time(self, seconds: float, *, every: float = 15) -> None:
        """Evaluate every 15 s for so long, or less often where nothing is to be told meanwhile."""
        for _ in range(int(seconds // every) + 1):
            await self.evaluate()
            self.clock.advance(every)

    def told(self) -> list[list[str]]:
        """What came to each stand-in since it was asked last, as titles and texts."""
        came = [
            [orjson.loads(body)["title"] for body in self.hook.bodies],
            [orjson.loads(body)["text"]["content"] for body in self.dingtalk.bodies],
            [orjson.loads(body)["text"]["content"] for body in self.wecom.bodies],
            [str(mail["Subject"]) for mail in self.mail.mails],
        ]
        for kept in (self.hook.bodies, self.dingtalk.bodies, self.wecom.bodies, self.mail.mails):
            kept.clear()
        return came


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    fakes: Any = services
    llm, costs, chat, feature = fakes.FakeLlm(), fakes.FakeCosts(), fakes.FakeChat(), fakes.FakeFeature()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(
            services.serve(
                (llm_pb2_grpc.add_LlmServiceServicer_to_server, llm),
                (cost_pb2_grpc.add_CostServiceServicer_to_server, costs),
                (chat_pb2_grpc.add_StreamServiceServicer_to_server, chat),
                (feature_pb2_grpc.add_FeatureServiceServicer_to_server, feature),
            )
        )
        names = ("llm_address", "chat_address", "feature_address", "cache_address")
        fields: dict[str, Any] = {"home": tmp_path, "_env_file": None, **dict.fromkeys(names, address)}
        settings = GatewaySettings(**fields)
        clients = await stack.enter_async_context(open_clients(settings))
        url = sqlite_url(tmp_path / "gateway.db")
        await lay_out(url, MIGRATIONS)
        database = open_database(url)
        stack.push_async_callback(database.close)
        readiness = Readiness(
            llm=clients.llm,
            chat=clients.streams,
            features=clients.features,
            cache=clients.cache,
            ping_store=database.ping,
        )
        clock, samples, metrics = ManualClock(start=NOW), GivenSamples(), AlertMetrics(CollectorRegistry())
        store, deliveries = AlertStore(database, SecretBox(("secret" * 8,))), DeliveryStore(database)
        hook, dingtalk, wecom = [await stack.enter_async_context(HttpReceiver()) for _ in range(3)]
        mail = await stack.enter_async_context(MailServer())
        http = GuardedHttp(Destinations(hosts=("*",), networks=LOOPBACK))
        stack.push_async_callback(http.close)
        smtp: dict[str, Any] = {"security": "none", "username": "", "password": "", "sender": "penstock@plant.test"}
        seconds = lambda: clock.now().timestamp()  # noqa: E731
        senders = {
            ChannelKind.EMAIL: EmailSender(SmtpServer(host="127.0.0.1", port=mail.port, **smtp)),
            ChannelKind.DINGTALK: DingTalkSender(http, now=seconds),
            ChannelKind.WECOM: WeComSender(http, now=seconds),
            ChannelKind.WEBHOOK: WebhookSender(http, now=seconds),
        }
        for kind, where in (("webhook", hook.url), ("dingtalk", dingtalk.url), ("wecom", wecom.url), ("email", "")):
            await store.put_channel(
                Channel(
                    id=f"chan_{kind}", tenant_id="default", name=kind, kind=ChannelKind(kind), url=where,
                    recipients=("ann@plant.test",), options={"system": "true"}, create_time=NOW,
                )
            )  # fmt: skip
        notifier = Notifier(
            store=store, deliveries=deliveries, senders=senders, http=http, clock=clock, metrics=metrics
        )
        made: list[Plant] = []
        checks = SystemChecks(
            samples=samples,
            readiness=readiness,
            llm=clients.llm,
            disk_share=lambda: made[0].disk,
            more=(budget_check(clients.costs),),
        )
        evaluator = AlertEvaluator(
            store=store, leases=LeaseStore(database), deliveries=deliveries, system=checks, devices=Devices(),
            notifier=notifier, clock=clock, metrics=metrics, seconds=15,
        )  # fmt: skip

        async def evaluate() -> None:
            assert await evaluator.evaluate()
            await notifier.settle()

        made.append(
            Plant(
                llm=llm, costs=costs, samples=samples, disk=0.5, clock=clock, store=store, evaluate=evaluate,
                hook=hook, dingtalk=dingtalk, wecom=wecom, mail=mail,
            )
        )  # fmt: skip
        # The cache's service is no fake's: it is down from the start, and told.
        await made[0].pass_time(60)
        assert made[0].told()[0] == ["[ALERT] ServiceDown"]
        yield made[0]


def budget(spent: str, limit: str = "10.00", **fields: Any) -> cost_pb2.Budget:
    fields = {"id": "bud_1", "tenant_id": "acme", "scope": "total", "period": "month", **fields}
    return cost_pb2.Budget(limit=Money(amount=limit), spent=Money(amount=spent), **fields)


def provider(breaker: str = "closed", key: str = "live") -> llm_pb2.ProviderState:
    keys = [llm_pb2.ProviderKeyState(masked_key="sk-1…cd23", state=key)]
    return llm_pb2.ProviderState(name="openai", breaker_state=breaker, keys=keys)


def set_disk(plant: Plant, share: float) -> None:
    plant.disk = share


def set_providers(plant: Plant, *states: llm_pb2.ProviderState) -> None:
    plant.llm.providers = list(states)


def set_budget(plant: Plant, spent: str) -> None:
    plant.costs.budgets = {"bud_1": budget(spent)}


def set_store(plant: Plant, state: str) -> None:
    plant.llm.components = [ComponentStatus(name="database", state=state)]


def set_p99(plant: Plant, seconds: float) -> None:
    plant.samples.p99 = seconds


def set_errors(plant: Plant, failed: int) -> None:
    plant.samples.counts = {"2xx": 100 - failed, "5xx": failed}


def set_hits(plant: Plant, share: float) -> None:
    plant.samples.hit_rate = share


RULES: list[tuple[str, float, Callable[[Plant], None], Callable[[Plant], None]]] = [
    ("DiskNearlyFull", 60, lambda plant: set_disk(plant, 0.95), lambda plant: set_disk(plant, 0.5)),
    (
        "ProviderDown", 60,
        lambda plant: set_providers(plant, provider("open")), lambda plant: set_providers(plant, provider()),
    ),
    (
        "ProviderKeyRefused", 0,
        lambda plant: set_providers(plant, provider(key="dead")), lambda plant: set_providers(plant, provider()),
    ),
    ("ProviderDown", 60, lambda plant: set_providers(plant, provider("open")), set_providers),
    ("ServiceDown", 30, lambda plant: set_store(plant, "down"), lambda plant: set_store(plant, "ok")),
    ("BudgetNearlySpent", 0, lambda plant: set_budget(plant, "8.00"), lambda plant: set_budget(plant, "0")),
    ("HighAPILatency", 300, lambda plant: set_p99(plant, 2.1), lambda plant: set_p99(plant, 0.2)),
    ("HighErrorRate", 120, lambda plant: set_errors(plant, 6), lambda plant: set_errors(plant, 0)),
    ("LowCacheHitRate", 600, lambda plant: set_hits(plant, 0.5), lambda plant: set_hits(plant, 0.99)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "hold", "begin", "end"), RULES)
async def test_a_rule_fires_once_it_held_and_resolves_in_all_four_channels(
    plant: Plant, rule: str, hold: float, begin: Callable[[Plant], None], end: Callable[[Plant], None]
) -> None:
    begin(plant)
    if hold:
        await plant.pass_time(hold - 15)
        assert plant.told() == [[], [], [], []], "not before it held"
    await plant.pass_time(45)
    for told in plant.told():
        assert len(told) == 1, "once, and not again at the next evaluation"
        assert told[0].startswith(f"[ALERT] {rule}")
    end(plant)
    await plant.pass_time(45)
    for told in plant.told():
        assert len(told) == 1
        assert told[0].startswith(f"[RESOLVED] {rule}")


async def test_a_budget_is_told_at_80_and_at_100_percent_once_a_period(plant: Plant) -> None:
    plant.costs.budgets = {"bud_1": budget("7.99")}
    await plant.pass_time(30)
    assert plant.told()[0] == []
    plant.costs.budgets = {"bud_1": budget("8.00")}
    await plant.pass_time(30)
    assert plant.told()[1] == [
        "[ALERT] BudgetNearlySpent\n80% of the budget of the tenant acme a month, 10.00 USD, is spent.\n"
        "Severity: warning\nTenant: acme\nValue: 0.8\nSince: 2026-05-01 12:02:00 UTC"
    ]
    plant.costs.budgets = {"bud_1": budget("10.00")}
    await plant.pass_time(6 * 3600, every=300)
    assert plant.told()[0] == ["[ALERT] BudgetSpent", "[STILL] ServiceDown"], "what is told again is not the budget"


@pytest.mark.parametrize(("spent", "limit", "rules"), [
    ("9.999", "10.00", ["BudgetNearlySpent"]), ("10.00", "10.00", ["BudgetNearlySpent", "BudgetSpent"]),
    ("0", "0", ["BudgetNearlySpent", "BudgetSpent"]),
])  # fmt: skip
async def test_a_budget_is_spent_from_the_whole_of_it_on_and_one_of_nothing_always_is(
    plant: Plant, spent: str, limit: str, rules: list[str]
) -> None:
    plant.costs.budgets = {"bud_1": budget(spent, limit)}
    await plant.pass_time(30)
    assert sorted(text.splitlines()[0] for text in plant.told()[0]) == [f"[ALERT] {rule}" for rule in rules]


async def test_every_budget_is_looked_at_however_many_come_in_one_answer(plant: Plant) -> None:
    plant.costs.most_listed = 1
    plant.costs.budgets = {f"bud_{number}": budget("8.00", id=f"bud_{number}") for number in range(3)}
    await plant.pass_time(30)
    assert len(plant.told()[0]) == 3


async def test_a_budget_that_has_room_again_is_told_to_have_ended(plant: Plant) -> None:
    plant.costs.budgets = {"bud_1": budget("10.00")}
    await plant.pass_time(30)
    begun = plant.told()
    assert sorted(text.splitlines()[0] for text in begun[0]) == ["[ALERT] BudgetNearlySpent", "[ALERT] BudgetSpent"]
    raised = budget("10.00")
    raised.limit.amount = "12.00"
    plant.costs.budgets = {"bud_1": raised}
    await plant.pass_time(30)
    assert [[text.splitlines()[0] for text in told] for told in plant.told()] == [["[RESOLVED] BudgetSpent"]] * 4
    plant.costs.budgets = {}
    await plant.pass_time(30)
    for told in plant.told():
        assert [text.splitlines()[0] for text in told] == ["[RESOLVED] BudgetNearlySpent"]
    await plant.pass_time(3600, every=300)
    assert plant.told() == [[], [], [], []], "once"


async def test_a_budget_that_is_spent_in_the_next_period_too_is_told_again(plant: Plant) -> None:
    for day in (1, 2):
        spent = budget("9.00", period="day")
        spent.period_end.FromJsonString(f"2026-05-0{day + 1}T00:00:00Z")
        plant.costs.budgets = {"bud_1": spent}
        await plant.pass_time(30)
        assert "[ALERT] BudgetNearlySpent" in plant.told()[0]


async def test_a_tenants_own_channels_hear_of_its_budgets_and_no_other_tenants_do(plant: Plant) -> None:
    async with HttpReceiver() as theirs, HttpReceiver() as others:
        for tenant, hook in (("acme", theirs), ("other", others)):
            await plant.store.put_channel(
                Channel(id=f"chan_{tenant}", tenant_id=tenant, name="x", kind=ChannelKind.WEBHOOK, url=hook.url,
                        create_time=CHANNEL.create_time)
            )  # fmt: skip
        set_budget(plant, "9.00")
        set_disk(plant, 0.99)
        await plant.pass_time(75)
        assert [orjson.loads(body)["title"] for body in theirs.bodies] == ["[ALERT] BudgetNearlySpent"]
        assert others.bodies == []


async def test_a_check_that_cannot_be_made_ends_no_alert_and_costs_no_other(plant: Plant) -> None:
    set_providers(plant, provider("open"))
    await plant.pass_time(75)
    assert plant.told()[0] == ["[ALERT] ProviderDown"]
    plant.llm.providers = [None]
    set_budget(plant, "9.00")
    await plant.pass_time(30)
    assert plant.told()[0] == ["[ALERT] BudgetNearlySpent"]
