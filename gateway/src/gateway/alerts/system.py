"""Looks at the system itself: the rules on samples, services, providers, their keys, and the disk."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from penstock.llm.v1 import llm_pb2

from gateway.alerts.model import Observation, Severity
from gateway.alerts.rules import RULES, SystemRule
from gateway.health.readiness import Component, Readiness
from gateway.monitoring.samples import Samples
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

DISK_FULL: Final = 0.9
# How long what is found by asking must hold; Prometheus' rules have the same.
HOLD_SECONDS: Final = {"ServiceDown": 30.0, "DiskNearlyFull": 60.0, "ProviderDown": 60.0, "ProviderKeyRefused": 0.0}
_SECONDS: Final = 3.0
_CHECK_SECONDS: Final = 5.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about the system: which rule, on what, how severe, how long it must hold, and what was found.

    `tenant_id` is whose affair it is: empty for the operators alone, else of that tenant and of the operators.
    """

    rule: str
    subject: str
    severity: Severity
    hold_seconds: float
    observation: Observation
    summary: str
    summary_zh: str
    tenant_id: str = ""
    repeat_seconds: float = 14_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All that one check found. What its `rules` said of something that is not among them any more has ended."""

    rules: frozenset[str]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look at one side of the system; a PenstockError says that it can't be told now."""

    name: str
    rules: frozenset[str]
    find: Callable[[], Awaitable[Sequence[Finding]]]


class SystemChecks:
    """Makes the findings of one evaluation. A check that fails or hangs costs no other, and changes nothing known."""

    def __init__(
        self,
        *,
        samples: Samples,
        readiness: Readiness,
        llm: "LlmServiceAsyncStub",
        disk_share: Callable[[], float],
        rules: Sequence[SystemRule] = RULES,
        more: Sequence[Check] = (),
    ) -> None:
        self._samples = samples
        self._readiness = readiness
        self._llm = llm
        self._disk_share = disk_share
        # The stores that each service named last: what becomes of them while it is away is not known.
        self._stores: dict[str, tuple[str, ...]] = {}
        self._rules = rules
        self._failing: set[str] = set()
        self._checks = (
            Check(name="rules", rules=frozenset(rule.name for rule in rules), find=self._judge_all),
            Check(name="services", rules=frozenset({"ServiceDown"}), find=self._services),
            Check(name="disk", rules=frozenset({"DiskNearlyFull"}), find=self._disk),
            Check(name="providers", rules=frozenset({"ProviderDown", "ProviderKeyRefused"}), find=self._providers),
            *more,
        )

    def rule_names(self) -> frozenset[str]:
        """Return the names of the rules that are looked at here."""
        return frozenset(rule for check in self._checks for rule in check.rules)

    async def look(self) -> Sequence[CheckReport]:
        """Return what each check found; those that could not be made are left out and logged when that begins."""
        found = await asyncio.gather(*(self._report(check) for check in self._checks))
        return [report for report in found if report is not None]

    async def _report(self, check: Check) -> CheckReport | None:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                findings = await check.find()
        except Exception:
            if check.name not in self._failing:
                log.exception("a check of the system can't be made", check=check.name)
            self._failing.add(check.name)
            return None
        self._failing.discard(check.name)
        return CheckReport(rules=check.rules, findings=findings)

    async def _judge_all(self) -> Sequence[Finding]:
        return [self._judge(rule) for rule in self._rules]

    async def _services(self) -> Sequence[Finding]:
        report = await self._readiness.report()
        return [finding for component in report.components for finding in self._service(component)]

    def _service(self, component: Component) -> Iterator[Finding]:
        yield _down(component.name, component.state == "down")
        if component.state != "down":
            self._stores[component.name] = tuple(part.name for part in component.parts)
        states = {part.name: part.state == "down" for part in component.parts}
        for name in self._stores.get(component.name, ()):
            yield _down(f"{component.name}/{name}", states.get(name))

    def _judge(self, rule: SystemRule) -> Finding:
        found = rule.observe(self._samples)
        value = found.value or 0.0
        return Finding(
            rule=rule.name,
            subject="",
            severity=rule.severity,
            hold_seconds=rule.hold_seconds,
            observation=found,
            summary=rule.summary.format(value=value),
            summary_zh=rule.summary_zh.format(value=value),
        )

    async def _disk(self) -> Sequence[Finding]:
        share = self._disk_share()
        found = Finding(
            rule="DiskNearlyFull",
            subject="gateway",
            severity=Severity.WARNING,
            hold_seconds=HOLD_SECONDS["DiskNearlyFull"],
            observation=Observation(holds=share > DISK_FULL, value=share),
            summary=f"The disk of PENSTOCK_HOME is {share:.0%} full.",
            summary_zh=f"PENSTOCK_HOME 所在磁盘已使用 {share:.0%}.",
        )
        return [found]

    async def _providers(self) -> Sequence[Finding]:
        with use_context(CallContext(request_id=new_id("req"), caller=SYSTEM)):
            answer = await self._llm.ListProviders(llm_pb2.ListProvidersRequest(), timeout=_SECONDS)
        return [finding for provider in answer.providers for finding in _provider_findings(provider)]


def _down(name: str, holds: bool | None) -> Finding:
    return Finding(
        rule="ServiceDown",
        subject=name,
        severity=Severity.CRITICAL,
        hold_seconds=HOLD_SECONDS["ServiceDown"],
        observation=Observation(holds=holds, labels={"service": name}),
        summary=f"{name} does not answer.",
        summary_zh=f"{name} 没有响应.",
    )


def _provider_findings(provider: llm_pb2.ProviderState) -> Iterator[Finding]:
    labels = {"provider": provider.name}
    yield Finding(
        rule="ProviderDown",
        subject=provider.name,
        severity=Severity.WARNING,
        hold_seconds=HOLD_SECONDS["ProviderDown"],
        observation=Observation(holds=provider.breaker_state == "open", labels=labels),
        summary=f"The provider {provider.name} fails; others are asked in its place.",
        summary_zh=f"模型提供方 {provider.name} 不可用, 正在使用其他提供方.",
    )
    dead = [key.masked_key for key in provider.keys if key.state == "dead"]
    yield Finding(
        rule="ProviderKeyRefused",
        subject=provider.name,
        severity=Severity.CRITICAL,
        hold_seconds=HOLD_SECONDS["ProviderKeyRefused"],
        observation=Observation(holds=bool(dead), labels=labels),
        summary=f"{provider.name} refuses a key: {', '.join(dead)}.",
        summary_zh=f"{provider.name} 拒绝了密钥: {', '.join(dead)}.",
    )
