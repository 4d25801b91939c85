"""Reasons of feature-service about data sets."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

DATASET: Final = Section(
    title="Data sets",
    rows=(
        Row(
            "EMBARGO_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an `embargo` that is negative, or with a split by device",
            "leave it out, or split by time",
        ),
        Row(
            "HORIZON_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a `horizon` that is negative",
            "name a number of seconds, or leave it out",
        ),
        Row(
            "DATASET_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such data set, or its files are gone",
            "create it again",
        ),
        Row(
            "DATASET_UNAVAILABLE",
            (
                ErrorKind.FAILED_PRECONDITION,
                ErrorKind.NOT_FOUND,
            ),
            "the data set is not ready",
            "wait for its job to end",
        ),
        Row(
            "DATASET_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "options of extraction beside a data set, which brings its own",
            "name the data set or the options",
        ),
        Row(
            "DATASET_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "a data set larger than is made",
            "take fewer devices, a shorter range or larger steps",
        ),
        Row(
            "DATASET_JOBS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many data sets are being made",
            "wait for one to end",
        ),
        Row(
            "SPLIT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a way to split that does not exist",
            "the message lists those that do",
        ),
        Row(
            "SPLIT_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "a random split of windows that overlap",
            "split by time or device, or without overlap",
        ),
        Row(
            "VAL_SPLIT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "parts that leave nothing for one of them",
            "give fractions that sum to less than 1",
        ),
        Row(
            "DEVICES_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a split by device with less than two",
            "name two or more",
        ),
        Row(
            "PART_EMPTY",
            (ErrorKind.UNPROCESSABLE,),
            "one part would have no windows",
            "take more rows, or another split",
        ),
        Row(
            "RANDOM_STATE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a negative seed",
            "give 0 or more",
        ),
        Row(
            "LABEL_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a data set without a label where one is needed",
            "name the field of the label",
        ),
        Row(
            "LABEL_INVALID",
            (ErrorKind.UNPROCESSABLE,),
            "the label is a text in some devices and a number in others",
            "mend the fields",
        ),
        Row(
            "LABEL_EMPTY",
            (ErrorKind.UNPROCESSABLE,),
            "no row has a label",
            "name another field, or another range",
        ),
        Row(
            "LABEL_MODE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a way to label a window that does not exist",
            "the message lists those that do",
        ),
        Row(
            "CLASSES_LIMIT_EXCEEDED",
            (ErrorKind.UNPROCESSABLE,),
            "so many classes that the label looks like a measurement",
            "name another field",
        ),
    ),
)
