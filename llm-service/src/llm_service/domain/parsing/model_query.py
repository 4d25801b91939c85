"""A question about devices in parts, as a model writes it: the schema it is given, and what is made of its answer."""

from datetime import UTC, datetime
from typing import Annotated, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llm_service.domain.offline.query import Intent, Language, Statistic, StructuredQuery, TimeRange

_NAMES: Final = 100
_LONGEST: Final = 256
_FENCE: Final = "```"
# A model says what it read, not how sure it is.
_CONFIDENCE: Final = 0.9
_Name = Annotated[str, Field(max_length=_LONGEST)]


class _Query(BaseModel):
    """What the model writes. Everything is required, as strict schemas want it; null is not said."""

    model_config = ConfigDict(extra="forbid")

    intent: Intent
    devices: list[_Name] = Field(max_length=_NAMES)
    fields: list[_Name] = Field(max_length=_NAMES)
    statistics: list[Statistic] = Field(max_length=_NAMES)
    start_time: datetime | None
    end_time: datetime | None
    model_code: _Name | None
    language: Language


def _strings(values: list[str]) -> dict[str, object]:
    return {"type": "array", "items": {"type": "string", "enum": values}}


_NAME: Final[dict[str, object]] = {"type": "array", "items": {"type": "string"}}
_OPTIONAL: Final[dict[str, object]] = {"type": ["string", "null"]}
_PROPERTIES: Final[dict[str, object]] = {
    "intent": {"type": "string", "enum": [intent.value for intent in Intent]},
    "devices": _NAME,
    "fields": _NAME,
    "statistics": _strings([statistic.value for statistic in Statistic]),
    "start_time": _OPTIONAL,
    "end_time": _OPTIONAL,
    "model_code": _OPTIONAL,
    "language": {"type": "string", "enum": [language.value for language in Language]},
}

# JSON Schema as JSON text, within what strict modes allow.
QUERY_SCHEMA: Final = orjson.dumps(
    {"type": "object", "properties": _PROPERTIES, "required": list(_PROPERTIES), "additionalProperties": False}
).decode()


def query_from_text(text: str, now: datetime) -> StructuredQuery | None:
    """Return the query that a model wrote, None when it is not one; times without a zone are in that of `now`."""
    try:
        written = _Query.model_validate_json(_bare(text))
    except ValidationError:
        return None
    start, end = _aware(written.start_time, now), _aware(written.end_time, now)
    if start and end and start > end:
        return None
    return StructuredQuery(
        intent=written.intent,
        language=written.language,
        devices=tuple(dict.fromkeys(written.devices)),
        fields=tuple(dict.fromkeys(written.fields)),
        statistics=tuple(dict.fromkeys(written.statistics)),
        time=TimeRange(start=start, end=end) if start or end else None,
        model_code=written.model_code or "",
        confidence=_CONFIDENCE,
    )


def _bare(text: str) -> str:
    """The JSON in a fence of code, as models without a schema mode like to write it."""
    text = text.strip()
    if text.startswith(_FENCE):
        text = text.partition("\n")[2].rpartition(_FENCE)[0]
    return text


def _aware(moment: datetime | None, now: datetime) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)).astimezone(UTC)
