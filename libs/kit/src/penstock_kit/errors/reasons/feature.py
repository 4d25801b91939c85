"""Reasons of feature-service about devices, queries and features."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

FEATURE: Final = Section(
    title="Devices, queries and features",
    rows=(
        Row(
            "DEVICE_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "deleting a device, with its data, that another user registered",
            "ask who registered it, or an administrator of the tenant",
        ),
        Row(
            "DEVICE_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such device; the message names similar ones",
            "register it, or ingest with `create=true`",
        ),
        Row(
            "DEVICE_EXISTS",
            (ErrorKind.ALREADY_EXISTS,),
            "the device's code is taken",
            "choose another, or change that device",
        ),
        Row(
            "DATA_MODEL_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such data model; the message names similar ones",
            "create it",
        ),
        Row(
            "DATA_MODEL_EXISTS",
            (ErrorKind.ALREADY_EXISTS,),
            "the data model's code is taken",
            "choose another",
        ),
        Row(
            "DATA_MODEL_CONFLICT",
            (ErrorKind.FAILED_PRECONDITION,),
            "devices use the data model",
            "give them another one first",
        ),
        Row(
            "CODE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a code with characters that no code has",
            "the message says which it may have",
        ),
        Row(
            "FIELD_NOT_FOUND",
            (ErrorKind.INVALID_ARGUMENT,),
            "the device has no such field; the message lists those it has",
            "name one of them",
        ),
        Row(
            "FIELD_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "a data model with a field twice, or without a name",
            "name each field once",
        ),
        Row(
            "FIELD_TYPE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a text field where numbers are computed",
            "name a field of numbers",
        ),
        Row(
            "FIELD_CHANGE_UNSUPPORTED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a property that can't be changed",
            "the message lists those that can",
        ),
        Row(
            "DATA_TYPE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a type of field that is none",
            "the message lists those that are",
        ),
        Row(
            "NUMERIC_FIELD_REQUIRED",
            (
                ErrorKind.INVALID_ARGUMENT,
                ErrorKind.UNPROCESSABLE,
            ),
            "no field of numbers is there",
            "name devices or fields with numbers",
        ),
        Row(
            "DATA_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "nothing was ever ingested for it",
            "ingest rows",
        ),
        Row(
            "TIME_RANGE_EMPTY",
            (ErrorKind.NOT_FOUND,),
            "no rows in that range; the message names the range there is",
            "ask for that",
        ),
        Row(
            "FILTER_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a condition that makes no sense for its field",
            "the message says which would",
        ),
        Row(
            "AGGREGATE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an aggregate that is not known",
            "the message lists those that are",
        ),
        Row(
            "LIMIT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a number of rows that is none",
            "the message names the bounds",
        ),
        Row(
            "METHOD_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a method for gaps, outliers or scaling that is not known",
            "the message lists those that are",
        ),
        Row(
            "THRESHOLD_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a threshold of outliers that is not positive",
            "give a positive number",
        ),
        Row(
            "RANGE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a range to scale to that is not two finite numbers, the lower one first",
            "such as `[0, 1]`",
        ),
        Row(
            "WINDOW_SIZE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a window of less than one row",
            "the message names the bounds",
        ),
        Row(
            "OVERLAP_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an overlap that leaves no step",
            "give one from 0 to below 1",
        ),
        Row(
            "WINDOW_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "a window larger than the rows there are",
            "make it smaller, or ask for more rows",
        ),
        Row(
            "FEATURE_NOT_FOUND",
            (ErrorKind.INVALID_ARGUMENT,),
            "a feature that is not known; the message lists those that are",
            "name one of them",
        ),
        Row(
            "FEATURE_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "a feature named twice",
            "name each once",
        ),
        Row(
            "FEATURES_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "more windows × features than are computed",
            "ask for fewer",
        ),
        Row(
            "CORRELATIONS_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "more pairs of features or fields than are computed",
            "ask for fewer",
        ),
        Row(
            "PERCENTILE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "percentiles beyond 0 to 100, or more than 20",
            "give up to 20 from 0 to 100",
        ),
        Row(
            "NORMALIZATION_INVALID",
            (ErrorKind.UNPROCESSABLE,),
            "one window is to be scaled by itself",
            "ask for more windows, or without scaling",
        ),
        Row(
            "PLOT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a plot of a kind that is none, of no or too many fields, or of an impossible size",
            "the message says what is possible",
        ),
        Row(
            "PLOT_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "a plot of windows or outliers over too many values",
            "take a shorter range or fewer fields",
        ),
        Row(
            "ROWS_CONFLICT",
            (ErrorKind.ABORTED,),
            "rows arrived in the range while many features were made of it",
            "ask again, or end the range before the newest rows",
        ),
        Row(
            "PARTITION_WORKERS_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the workers that compute a data set end again and again, or the Dask cluster can't be reached",
            "use fewer `PARTITION_WORKERS`, or start the cluster; then create the data set again",
        ),
        Row(
            "MAX_GAP_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a `max_gap` that is not longer than 0",
            "name a number of seconds, or leave it out",
        ),
        Row(
            "ANSWER_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "an answer that does not fit into a message",
            "the message says what to ask for instead",
        ),
        Row(
            "TELEMETRY_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the store of telemetry is closed, locked by another process, or a server that does not answer",
            "stop the other process; the message says what is wrong with the server",
        ),
        Row(
            "TELEMETRY_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "the file of telemetry is no DuckDB database, the server no TDengine 3, or its times have no microseconds",
            "name another, or bring back a backup",
        ),
        Row(
            "TELEMETRY_KEEP_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "rows that are older than what the database of TDengine keeps; the others of the body were stored",
            "raise the database's `KEEP`, or leave those rows out",
        ),
        Row(
            "TELEMETRY_MEMORY_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "more memory than the store may take",
            "ask for less at once",
        ),
        Row(
            "TELEMETRY_TABLE_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "a table that is to be read as devices is not as `TELEMETRY_TABLES_FILE` says",
            "mend the file, or the privileges of the user; the message lists the columns there are",
        ),
        Row(
            "TELEMETRY_WRITE_UNSUPPORTED",
            (ErrorKind.FAILED_PRECONDITION,),
            "rows for a device whose rows are in a table that others write",
            "write them there, or use another device",
        ),
        Row(
            "TELEMETRY_TIME_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "more time than a question may take in the store",
            "ask for a shorter range or fewer fields, or raise `TELEMETRY_QUERY_SECONDS`",
        ),
    ),
)
