"""What of rows and data sets is kept for how long."""

from feature_service.composition.stores import Stores
from feature_service.domain.dataset.jobs import DatasetJobs
from feature_service.domain.model.span import micros_of
from feature_service.settings import FeatureSettings
from penstock_kit.clock import Clock
from penstock_kit.database.retention import Retention, Rule, days_before


def telemetry_kept_since(settings: FeatureSettings, clock: Clock) -> int | None:
    """Return before which microsecond since the epoch rows are deleted; None when all are kept."""
    return micros_of(days_before(clock, settings.telemetry_days)) if settings.telemetry_days else None


def build_retention(settings: FeatureSettings, stores: Stores, jobs: DatasetJobs, clock: Clock) -> Retention:
    """Return the rules that the settings ask for."""
    rules: dict[str, Rule] = {}
    if settings.telemetry_days:
        rules["telemetry"] = lambda: stores.telemetry.delete_before(telemetry_kept_since(settings, clock) or 0)
    if settings.dataset_days:
        rules["datasets"] = lambda: jobs.remove_before(micros_of(days_before(clock, settings.dataset_days)))
    return Retention(rules, stores.database.counts, every=settings.retention_seconds)
