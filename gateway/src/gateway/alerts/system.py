"""Looks at the system itself: the rules on samples, services, providers, their keys, and the disk."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from penstock.llm.v1 import llm_pb2

from gateway.alerts.model import Observation, Severity
from gateway.alerts.rules import RULES, SystemRule
from gateway.health.readiness import Readiness
from gateway.monitoring.disk_metrics import used_share
from gateway.monitoring.samples import Samples
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.ids import new_id

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub

DISK_FULL: Final = 0.9
# How long what is found by asking must hold; Prometheus' rules have the same.
HOLD_SECONDS: Final = {"ServiceDown": 30.0, "DiskNearlyFull": 60.0, "ProviderDown": 60.0, "ProviderKeyRefused": 0.0}
_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about the system: which rule, on what, how severe, how long it must hold, and what was found."""

    rule: str
    subject: str
    severity: Severity
    hold_seconds: float
    observation: Observation
    summary: str
    summary_zh: str


class SystemChecks:
    """Makes the findings of one evaluation. What can't be asked is found out by the service's own rule."""

    def __init__(
        self,
        *,
        samples: Samples,
        readiness: Readiness,
        llm: "LlmServiceAsyncStub",
        home: Path,
        rules: Sequence[SystemRule] = RULES,
    ) -> None:
        self._samples = samples
        self._readiness = readiness
        self._llm = llm
        self._home = home
        self._rules = rules

    async def find(self) -> AsyncIterator[Finding]:
        """Yield one finding for each rule and each thing it is about."""
        for rule in self._rules:
            yield self._judge(rule)
        report = await self._readiness.report()
        for component in report.components:
            yield Finding(
                rule="ServiceDown",
                subject=component.name,
                severity=Severity.CRITICAL,
                hold_seconds=HOLD_SECONDS["ServiceDown"],
                observation=Observation(holds=component.state == "down", labels={"service": component.name}),
                summary=f"{component.name} does not answer.",
                summary_zh=f"{component.name} 没有响应.",
            )
        yield self._disk()
        async for finding in self._providers():
            yield finding

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

    def _disk(self) -> Finding:
        share = used_share(self._home)
        return Finding(
            rule="DiskNearlyFull",
            subject="gateway",
            severity=Severity.WARNING,
            hold_seconds=HOLD_SECONDS["DiskNearlyFull"],
            observation=Observation(holds=share > DISK_FULL, value=share),
            summary=f"The disk of PENSTOCK_HOME is {share:.0%} full.",
            summary_zh=f"PENSTOCK_HOME 所在磁盘已使用 {share:.0%}.",
        )

    async def _providers(self) -> AsyncIterator[Finding]:
        try:
            with use_context(CallContext(request_id=new_id("req"), caller=SYSTEM)):
                answer = await self._llm.ListProviders(llm_pb2.ListProvidersRequest(), timeout=_SECONDS)
        except PenstockError:
            return
        for provider in answer.providers:
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
