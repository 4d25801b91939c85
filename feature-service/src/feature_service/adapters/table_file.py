"""TELEMETRY_TABLES_FILE: which tables of the telemetry database are read as devices, in YAML or JSON."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feature_service.adapters.postgresql.existing_table import ExistingTable
from penstock_kit.yaml_document import read_yaml_document, validation_problems

SETTING: Final = "TELEMETRY_TABLES_FILE"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    tenant: str = Field(min_length=1)
    table: str = Field(min_length=1)
    time: str = Field(min_length=1)
    device: str = Field(min_length=1)
    fields: dict[str, str] = Field(min_length=1)
    model: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    tables: list[_Table]


def read_tables(path: str) -> Sequence[ExistingTable]:
    """Return the tables that the file names, none without a file.

    Raises FailedPrecondition CONFIGURATION_INVALID that names every mistake with its line.
    """
    if not path:
        return ()
    document = read_yaml_document(path, setting=SETTING)
    try:
        parsed = _File.model_validate(document.value)
    except ValidationError as error:
        raise document.error(validation_problems(error)) from None
    return [
        ExistingTable(
            tenant_id=each.tenant,
            table=each.table,
            time=each.time,
            device=each.device,
            fields=each.fields,
            model_code=each.model,
        )
        for each in parsed.tables
    ]
