"""Alertmanager's webhook: its alerts become notifications in the operators' channels."""

from typing import Final, Literal

from fastapi import Response
from pydantic import BaseModel, Field, field_validator

from gateway.alerts.inbound import InboundAlerts, PostedAlert
from gateway.auth.guard import Guard
from gateway.auth.scope import OPERATOR
from gateway.http.json import JsonResponse
from gateway.routes.router import add, api_router
from penstock_kit.clock import Clock

_MOST: Final = 1000
_LABELS: Final = 64


class PostedAlertBody(BaseModel):
    """One alert. Fields that are not named here are taken and not read: Alertmanager adds some over time."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = Field(max_length=_LABELS, description="With `alertname`.")
    annotations: dict[str, str] = Field(
        default_factory=dict, max_length=_LABELS, description="`summary` and `summary_zh` are told."
    )

    @field_validator("labels")
    @classmethod
    def _named(cls, labels: dict[str, str]) -> dict[str, str]:
        if not labels.get("alertname"):
            raise ValueError("an alert has the label alertname")
        return labels


class AlertmanagerPost(BaseModel):
    """A group of alerts, version 4 of Alertmanager's webhook."""

    alerts: list[PostedAlertBody] = Field(max_length=_MOST)


class AlertmanagerRoutes:
    """``POST /api/v1/alertmanager``, with an operator's key: Alertmanager's alerts become notifications."""

    def __init__(self, *, inbound: InboundAlerts, guard: Guard, clock: Clock) -> None:
        self._inbound = inbound
        self._clock = clock
        self.router = api_router("alerts", guard.needs(OPERATOR))
        add(self.router, "POST /api/v1/alertmanager", self.take_alerts)

    async def take_alerts(self, body: AlertmanagerPost) -> Response:
        """Take alerts that Alertmanager posts: each is told once when it begins and once when it ends."""
        posted = [
            PostedAlert(fires=alert.status == "firing", labels=alert.labels, annotations=alert.annotations)
            for alert in body.alerts
        ]
        told = await self._inbound.take(posted, self._clock.now())
        return JsonResponse({"received": len(posted), "told": told})
