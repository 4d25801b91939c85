"""Reasons of rows of telemetry that are refused."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

INGEST: Final = Section(
    title="Ingest",
    note=(
        "A body of rows that is refused as a whole leaves nothing behind. Where its rows can be counted "
        'the problem has a member `data` as the answer of a body that is taken: `{"rows_accepted": 0, '
        '"rows_rejected": 5, "errors": [{"line": 4, "reason": …}]}`.'
    ),
    rows=(
        Row(
            "CSV_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "CSV that can't be read as a whole: a quote left open, a row of more than a megabyte",
            "mend the line that is named",
        ),
        Row(
            "ROWS_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "Arrow or Parquet with far more rows than a body of its size has: a million and twenty a byte",
            "send it in parts, or as CSV",
        ),
        Row(
            "BATCH_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "Arrow or Parquet with a batch or a page that unpacks to more than is in memory at once: 512 and 128 MiB",
            "write smaller batches, or smaller pages",
        ),
        Row(
            "FOOTER_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "Parquet whose footer has more than 8 MiB, or describes more than 100,000 columns or row groups",
            "write larger row groups and no statistics, or send the columns in several files",
        ),
        Row(
            "TEXTS_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "Arrow or Parquet with a long text in many rows, written once: more than 256 MiB and twenty bytes a byte",
            "send it in parts, or leave the column out",
        ),
        Row(
            "FORMAT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a format that is not known",
            "the message lists those that are",
        ),
        Row(
            "DELIMITER_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a delimiter of other than one character",
            "name one character, or none: it is guessed",
        ),
        Row(
            "ENCODING_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an encoding that is none, or bytes that are no text in it, with the line",
            "name the encoding of the file",
        ),
        Row(
            "PRECISION_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a unit of the times of line protocol that is none",
            "name `ns`, `us`, `ms`, `s`, `m` or `h`",
        ),
        Row(
            "TOPIC_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a pattern of topics of MQTT that is none",
            "the message says what is wrong with it",
        ),
        Row(
            "BROKER_URL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an `MQTT_URL` that is none",
            "write `mqtt://host:1883` or `mqtts://host:8883`",
        ),
        Row(
            "BROKER_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "no messages come from the broker of MQTT, or they can't be stored; told in the status alone",
            "the status says why; messages wait at the broker",
        ),
        Row(
            "JOURNAL_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the moments of messages without a time can't be written to `PENSTOCK_HOME/mqtt`",
            "make room on the disk; the messages wait at the broker",
        ),
        Row(
            "EXTRA_UNAVAILABLE",
            (ErrorKind.FAILED_PRECONDITION,),
            "a setting asks for what an extra brings, which is not installed",
            "install what the message says, or unset the setting",
        ),
        Row(
            "CERTIFICATE_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "a file of certificates for MQTT that can't be read",
            "name PEM files in `MQTT_CA_FILE`, `MQTT_CERT_FILE` and `MQTT_KEY_FILE`",
        ),
        Row(
            "DECIMAL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a decimal mark other than `.` and `,`",
            "name one of them",
        ),
        Row(
            "DATE_ORDER_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an order of written dates that is none, is for a body other than CSV, or is not that of the body's dates",
            "name `dmy` or `mdy`",
        ),
        Row(
            "TIMESTAMP_COLUMN_NOT_FOUND",
            (ErrorKind.INVALID_ARGUMENT,),
            "the column of the time is not there",
            "the message lists the columns there are",
        ),
        Row(
            "TIME_COLUMN_NOT_FOUND",
            (ErrorKind.INVALID_ARGUMENT,),
            "the column of the time of day is not there",
            "the message lists the columns there are",
        ),
        Row(
            "TIME_COLUMN_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an option about written times that is for CSV alone",
            "leave it out",
        ),
        Row(
            "DEVICE_COLUMN_NOT_FOUND",
            (ErrorKind.INVALID_ARGUMENT,),
            "the column that names devices is not there",
            "the message lists the columns there are",
        ),
        Row(
            "DEVICE_COLUMN_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "the column that names devices holds no codes",
            "name another column",
        ),
        Row(
            "DEVICE_CODE_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "rows without a device",
            "name one, or a column of them",
        ),
        Row(
            "DEVICE_CODE_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "the rows are of another device than the request",
            "leave one of them out",
        ),
        Row(
            "DEVICE_MODEL_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "the device is of another data model",
            "name its own, or none",
        ),
        Row(
            "FIELD_TYPE_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "the body would turn a number field into text, or the other way round",
            "mend the values, or use another field",
        ),
        Row(
            "FIELD_TYPE_UNSUPPORTED",
            (ErrorKind.INVALID_ARGUMENT,),
            "an Arrow column of a type that no field can hold",
            "convert the column",
        ),
        Row(
            "ROWS_INVALID",
            (ErrorKind.UNPROCESSABLE,),
            "none of the rows is good",
            "`data` says what is wrong with each",
        ),
        Row(
            "FIELDS_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "more fields than the 10,000 that a body, a device or a data model may have; or a body that adds more than "
            "20,000 to all its devices, or more than 2,000 to one that has some",
            "send the fields in several bodies; give each kind of thing a data model of its own",
        ),
        Row(
            "CELLS_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "JSON rows of so many different fields that they make more than 50,000,000 cells",
            "send them in several bodies",
        ),
        Row(
            "DEVICES_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE, ErrorKind.PAYLOAD_TOO_LARGE),
            "rows of more than 1,000 devices in one body (413 of line protocol, whose writers then send halves)",
            "send them in several bodies",
        ),
        Row(
            "OPTIONS_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "gRPC: the first message of an ingest is not its options",
            "send the options first",
        ),
        Row(
            "CHUNK_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "gRPC: a later message of an ingest is no chunk",
            "send chunks after the options",
        ),
    ),
)
