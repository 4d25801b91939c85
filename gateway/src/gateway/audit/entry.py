"""What the audit log holds, and which requests are acts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

SIGN_IN_FAILED: Final = "sign_in.fail"
# Requests that change who may do what, what it costs, who is told, or how the system is set up. Data is no such act.
ACTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "/api/v2/auth/password"): "password.change",
    ("POST", "/api/v1/keys"): "key.create",
    ("POST", "/api/v1/keys/{key_id}/rotate"): "key.rotate",
    ("PUT", "/api/v1/keys/{key_id}/policy"): "key.limit",
    ("DELETE", "/api/v1/keys/{key_id}"): "key.delete",
    ("POST", "/api/v1/users"): "user.create",
    ("DELETE", "/api/v1/users/{user_id}"): "user.delete",
    ("POST", "/api/v1/budgets"): "budget.create",
    ("PUT", "/api/v1/budgets"): "budget.update",
    ("PUT", "/api/v1/budgets/{budget_id}"): "budget.update",
    ("DELETE", "/api/v1/budgets/{budget_id}"): "budget.delete",
    ("PUT", "/api/v1/prices"): "price.update",
    ("POST", "/api/v1/channels"): "channel.create",
    ("PUT", "/api/v1/channels/{channel_id}"): "channel.update",
    ("DELETE", "/api/v1/channels/{channel_id}"): "channel.delete",
    ("POST", "/api/v1/channels/{channel_id}/test"): "channel.test",
    ("POST", "/api/v1/alarms"): "alarm.create",
    ("PUT", "/api/v1/alarms/{alarm_id}"): "alarm.update",
    ("DELETE", "/api/v1/alarms/{alarm_id}"): "alarm.delete",
    ("POST", "/api/v1/alerts/{fingerprint}/acknowledge"): "alert.acknowledge",
    ("POST", "/api/v1/alerts/{fingerprint}/snooze"): "alert.snooze",
    ("POST", "/api/v1/llm/reload"): "configuration.reload",
    ("DELETE", "/api/v1/cache"): "cache.clear",
    ("DELETE", "/api/v1/cache/semantic"): "cache.clear",
    ("PUT", "/api/v1/engines/current"): "engine.choose",
    ("POST", "/api/v1/personalities"): "personality.create",
    ("PUT", "/api/v1/personalities/{identity}"): "personality.update",
    ("DELETE", "/api/v1/personalities/{identity}"): "personality.delete",
    ("POST", "/api/v1/templates"): "template.create",
    ("PUT", "/api/v1/templates/{identity}"): "template.update",
    ("DELETE", "/api/v1/templates/{identity}"): "template.delete",
    ("POST", "/api/v2/metadata/devices"): "device.create",
    ("PUT", "/api/v2/metadata/devices/{device_code}"): "device.update",
    ("DELETE", "/api/v2/metadata/devices/{device_code}"): "device.delete",
    ("POST", "/api/v2/metadata/models"): "data_model.create",
    ("PUT", "/api/v2/metadata/models/{model_code}"): "data_model.update",
    ("DELETE", "/api/v2/metadata/models/{model_code}"): "data_model.delete",
    ("DELETE", "/api/v2/ai/datasets/{dataset_id}"): "dataset.delete",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act, done (`outcome` ``done``) or refused for want of a right (``refused``).

    `target` is what it was done to, `details` what the answer says of it; neither ever holds a secret. `id` is 0
    until it is stored, and rises from one entry to the next.
    """

    id: int = 0
    time: datetime
    tenant_id: str
    user_id: str
    key_id: str
    username: str = ""
    address: str
    request_id: str
    action: str
    target: str
    outcome: str
    details: Mapping[str, str] = field(default_factory=dict[str, str])
