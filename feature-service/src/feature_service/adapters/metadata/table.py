"""The tables of devices, fields and data models. Times are microseconds since the epoch."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata: Final = MetaData()

device_field: Final = Table(
    "device_field",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("device_code", Text, primary_key=True),
    Column("field_code", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    ForeignKeyConstraint(["tenant_id", "device_code"], ["device.tenant_id", "device.device_code"], ondelete="CASCADE"),
)
"""The fields that rows of a device have had."""

device: Final = Table(
    "device",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("device_code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("device_type", Text, nullable=False),
    Column("model_code", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("labels", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("first_seen", BigInteger),
    Column("last_seen", BigInteger),
    Column("created_by", Text, nullable=False, server_default=""),
    Index("device_by_type", "tenant_id", "device_type", "device_code"),
    Index("device_by_model", "tenant_id", "model_code", "device_code"),
)
"""Devices; `labels` is a JSON object, `created_by` the id of the user who registered one, empty for none."""

type_field: Final = Table(
    "type_field",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("device_type", Text, primary_key=True),
    Column("field_code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("description", Text, nullable=False),
)
"""The fields of a device type; the primary key is the index by (device_type, field_code)."""

data_model: Final = Table(
    "data_model",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("model_code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("device_type", Text, nullable=False),
    Column("model_type", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("label_field", Text, nullable=False),
    Column("defaults", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index("data_model_by_type", "tenant_id", "model_type", "active"),
)
# Partial on PostgreSQL too, as the migration makes it: naming that dialect here would import it, 3 MB.
Index("active_data_model", data_model.c.tenant_id, data_model.c.model_code, sqlite_where=data_model.c.active)
"""Data models; `defaults` is a JSON object or empty."""

model_field: Final = Table(
    "model_field",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("model_code", Text, primary_key=True),
    Column("field_code", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "model_code"], ["data_model.tenant_id", "data_model.model_code"], ondelete="CASCADE"
    ),
)
"""Which fields of its device type a model uses, in order."""

dataset: Final = Table(
    "dataset",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("dataset_id", Text, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("model_code", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("failure", Text, nullable=False),
    Column("train_samples", BigInteger, nullable=False),
    Column("val_samples", BigInteger, nullable=False),
    Column("feature_names", Text, nullable=False),
    Column("class_distribution", Text, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("plan", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("dataset_by_request", "tenant_id", "request_id"),
)
"""Data sets and their jobs; names, distribution and plan are JSON. `owner` is the replica that builds one, begun
`attempts` times."""

detector: Final = Table(
    "detector",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("detector_id", Text, primary_key=True),
    Column("model_code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("heads", Text, nullable=False),
    Column("arrays", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
)
"""Fitted detectors of anomalies: `heads` is a JSON object by device, `arrays` an .npz file, `version` that of both."""

lost_messages: Final = Table(
    "lost_messages",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("loss", Text, primary_key=True),
    Column("messages", BigInteger, nullable=False),
)
"""Messages of a broker that were lost, by minute since 1970 and how; minute 0 has all, and the broker's own count."""
