"""The journal of calls under way: what another process needs to settle them when this one is killed."""

from collections.abc import Mapping
from typing import Protocol

from llm_service.domain.billing.ledger import LedgerRow


class CallJournal(Protocol):
    """Remembers calls where they outlive the process. Never blocks for long, never fails."""

    def record_start(
        self,
        call_id: str,
        *,
        operation: str,
        requested_model: str,
        surface: str,
        end_user: str,
        labels: Mapping[str, str],
    ) -> None:
        """The current caller's call begins; `call_id` is that of its ledger row and of what is set aside for it."""
        ...

    def record_state(self, row: LedgerRow) -> None:
        """If the process were killed now, `row` is what the call had come to."""
        ...

    def record_end(self, row: LedgerRow) -> None:
        """The call is over; `row` is on its way into the ledger."""
        ...


class NoJournal:
    """Remembers nothing."""

    def record_start(
        self,
        call_id: str,
        *,
        operation: str,
        requested_model: str,
        surface: str,
        end_user: str,
        labels: Mapping[str, str],
    ) -> None:
        """Forget it."""

    def record_state(self, row: LedgerRow) -> None:
        """Forget it."""

    def record_end(self, row: LedgerRow) -> None:
        """Forget it."""
