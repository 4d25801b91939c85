"""Every reason an error of Penstock may carry: the one table, from which docs/errors.md is written.

Code that raises writes the reason out, so that it can be searched for; a test holds each of them against this table.
Nothing of this is imported where errors are raised: a service does not carry its documentation about.
"""

from typing import Final

from penstock_kit.errors.reasons.alert import ALERT
from penstock_kit.errors.reasons.anomaly import ANOMALY
from penstock_kit.errors.reasons.billing import BILLING
from penstock_kit.errors.reasons.cache import CACHE
from penstock_kit.errors.reasons.chat import CHAT
from penstock_kit.errors.reasons.connection import CONNECTION
from penstock_kit.errors.reasons.dataset import DATASET
from penstock_kit.errors.reasons.feature import FEATURE
from penstock_kit.errors.reasons.identity import IDENTITY
from penstock_kit.errors.reasons.ingest import INGEST
from penstock_kit.errors.reasons.provider import PROVIDER
from penstock_kit.errors.reasons.request import REQUEST
from penstock_kit.errors.reasons.row import ENDINGS, Row, Section
from penstock_kit.errors.reasons.service import SERVICE
from penstock_kit.errors.reasons.start import START
from penstock_kit.errors.reasons.tool import TOOL

SECTIONS: Final[tuple[Section, ...]] = (
    *(REQUEST, CONNECTION, IDENTITY, SERVICE, START),
    *(PROVIDER, BILLING, CHAT, TOOL, INGEST, FEATURE, DATASET, ANOMALY, CACHE, ALERT),
)
REASONS: Final[dict[str, Row]] = {row.reason: row for section in SECTIONS for row in section.rows}

__all__ = ["ENDINGS", "REASONS", "SECTIONS", "Row", "Section"]
