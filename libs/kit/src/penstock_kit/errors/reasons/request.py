"""Reasons of requests over HTTP that the gateway refuses."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

REQUEST: Final = Section(
    title="Requests over HTTP",
    rows=(
        Row(
            "JSON_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "the body is no JSON: NaN, half a surrogate pair, nested too deeply, cut off",
            "send one JSON document in UTF-8",
        ),
        Row(
            "JSON_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a body of more than 100,000 entries of objects and arrays: messages, parts, tools, labels",
            "send fewer",
        ),
        Row(
            "REQUEST_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a value that its field cannot hold (`errors` names it), or a NUL in a text that would be kept",
            "mend the named field",
        ),
        Row(
            "VALIDATION_FAILED",
            (
                ErrorKind.UNPROCESSABLE,
                ErrorKind.INVALID_ARGUMENT,
            ),
            "fields are missing, unknown or out of range; `errors` names each",
            "mend the named fields; `/docs` shows the schema",
        ),
        Row(
            "ROUTE_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "there is no such path",
            "`/docs` lists those that are",
        ),
        Row(
            "METHOD_UNSUPPORTED",
            (
                ErrorKind.INVALID_ARGUMENT,
                ErrorKind.UNIMPLEMENTED,
            ),
            "the path has no such method (405), or it is `CONNECT` (501)",
            "use a method that `Allow` names",
        ),
        Row(
            "FILE_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "the page asks for a file that is none of its own",
            "reload the page",
        ),
        Row(
            "BODY_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "the body is larger than may be sent at once",
            "send less, or raise `PENSTOCK_MAX_BODY_BYTES` or the limits of ingest",
        ),
        Row(
            "BODY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an Arrow or Parquet body can't be read: cut off, or something else",
            "send the file whole",
        ),
        Row(
            "CONTENT_TYPE_UNSUPPORTED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a content type that is none of those the route takes",
            "name one of them",
        ),
        Row(
            "CONTENT_ENCODING_UNSUPPORTED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a `Content-Encoding` other than gzip and deflate",
            "send the body plain or as gzip",
        ),
        Row(
            "CONTENT_ENCODING_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "the compressed body is damaged or ends early",
            "compress it again",
        ),
        Row(
            "FIRST_CONTENT_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "no model said anything within the time for it",
            "ask again, or ask another model",
        ),
        Row(
            "PREVIOUS_RESPONSE_NOT_FOUND",
            (ErrorKind.INVALID_ARGUMENT,),
            "`previous_response_id`: responses are not kept here",
            "send the conversation itself as `input`",
        ),
        Row(
            "HOST_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            (
                "`/mcp` was called under a name that is not in `PENSTOCK_PUBLIC_HOSTS`, or a tool's endpoint has "
                "a host that is not allowed"
            ),
            "add the name to the setting, or the host to `allowed_hosts`",
        ),
        Row(
            "ORIGIN_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "`/mcp` was called by a page of another origin",
            "call it from a program, or from a page of the gateway",
        ),
        Row(
            "CACHE_HEADER_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a word in `x-penstock-cache` that is not known, or a threshold outside 0 to 1",
            "give bypass, exact or semantic",
        ),
        Row(
            "PAGE_SIZE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a page of less than one or more than the most rows",
            "the message names the bounds",
        ),
        Row(
            "PAGE_TOKEN_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a `page_token` that was not given for this list",
            "pass `next_page_token` on as it was given",
        ),
        Row(
            "PAGE_INVALID",
            (ErrorKind.INVALID_ARGUMENT, ErrorKind.UNPROCESSABLE),
            "a number of a page below 1; a page of the newest rows of more than 300 devices that ends behind row "
            "1,000,000",
            "count pages from 1; ask for a shorter range, or name fewer devices",
        ),
        Row(
            "GATEWAY_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the gateway is shutting down",
            "connect again",
        ),
    ),
)
