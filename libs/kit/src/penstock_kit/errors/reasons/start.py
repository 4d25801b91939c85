"""Reasons for which a service does not start."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

START: Final = Section(
    title="At the start",
    note="The service says it in one line and exits with code 2.",
    rows=(
        Row(
            "CONFIGURATION_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "a file of configuration or a setting can't be used; the message names line and key",
            "mend the file; the one in use stays until then",
        ),
        Row(
            "ADDRESS_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a `…_SERVICE_ADDRESS` is neither host:port, a list of them nor a gRPC name",
            "write `10.0.0.1:50051` or `dns:///name:50051`",
        ),
        Row(
            "DATABASE_URL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "neither SQLite file nor PostgreSQL, or an option that is not understood",
            "write `sqlite:///path` or `postgresql://…`; `sslmode` and the certificates are the options",
        ),
        Row(
            "TELEMETRY_URL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "the store of telemetry is neither DuckDB file nor PostgreSQL nor TDengine",
            "write `duckdb:///path/to/file`, `postgresql://…` or `taosrest://…`",
        ),
        Row(
            "PORT_UNAVAILABLE",
            (ErrorKind.FAILED_PRECONDITION,),
            "the address can't be listened on",
            "set another port, or stop what uses it",
        ),
        Row(
            "HOME_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "`PENSTOCK_HOME` can't be written",
            "name a folder of yours",
        ),
        Row(
            "HOME_UNAVAILABLE",
            (ErrorKind.FAILED_PRECONDITION,),
            "a restore replaces what is in `PENSTOCK_HOME`, was broken off, or would while a process uses it",
            "wait for the restore, run it again, or stop the process",
        ),
        Row(
            "SCHEMA_UNSUPPORTED",
            (ErrorKind.FAILED_PRECONDITION,),
            "the database was written by a newer version",
            "start that version or a newer one",
        ),
        Row(
            "MIGRATIONS_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "the migrations of this build are not one line",
            "a defect of the build",
        ),
        Row(
            "SERVICE_SECRET_REQUIRED",
            (ErrorKind.FAILED_PRECONDITION,),
            "a service would listen beyond this machine without a secret",
            "set `PENSTOCK_SERVICE_SECRET`",
        ),
        Row(
            "ADMIN_PASSWORD_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "the first administrator's password is easy to guess",
            "choose another `PENSTOCK_ADMIN_PASSWORD`",
        ),
        Row(
            "ADMIN_KEY_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "the first administrator's key is easy to guess",
            "choose another `PENSTOCK_ADMIN_KEY`",
        ),
        Row(
            "JWT_SECRET_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "a secret for tokens of less than 32 bytes",
            "choose a longer one",
        ),
    ),
)
