"""Reasons of llm-service about models and the vendors behind them."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

PROVIDER: Final = Section(
    title="Models and their providers",
    note=(
        "On the routes of OpenAI and Anthropic `x-should-retry` says whether a retry may help, and the "
        "vendor's own `code` and `param` of an error are passed on. Each of these stands in the ledger's "
        "`error_kind` too."
    ),
    rows=(
        Row(
            "MODEL_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no provider has such a model",
            "`GET /v1/models` lists those that are",
        ),
        Row(
            "MODEL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a model's name of more than 200 characters, or with some that can't be printed",
            "`GET /v1/models` lists those that are",
        ),
        Row(
            "MEDIA_URL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a picture, file or recording by a URL that leads into a private network, or whose host is not allowed or "
            "oddly written",
            "send the content itself as a data URL, or allow the host in `LLM_MEDIA_HOSTS`",
        ),
        Row(
            "MODEL_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "the key may not use the model",
            "use a model of the key's list",
        ),
        Row(
            "PROVIDER_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "no provider is there for the request, or the one there is rests after failures, or has too many calls",
            "configure one, or come again",
        ),
        Row(
            "ALL_PROVIDERS_FAILED",
            (
                ErrorKind.BAD_UPSTREAM,
                ErrorKind.UNAVAILABLE,
                ErrorKind.RESOURCE_EXHAUSTED,
                ErrorKind.DEADLINE_EXCEEDED,
                ErrorKind.UNPROCESSABLE,
                ErrorKind.PERMISSION_DENIED,
                ErrorKind.NOT_FOUND,
                ErrorKind.INVALID_ARGUMENT,
                ErrorKind.UNIMPLEMENTED,
                ErrorKind.PAYLOAD_TOO_LARGE,
            ),
            "every provider of the route failed; the message says how each did",
            "ask again; see the providers' state",
        ),
        Row(
            "PROVIDER_MODEL_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "the vendor has no such model, or this account none of it",
            "name another model",
        ),
        Row(
            "PROVIDER_ACCESS_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "the vendor forbids what was asked; key and provider stay in use",
            "ask for something else, or let the vendor allow it",
        ),
        Row(
            "PROMPT_FILTERED",
            (ErrorKind.UNPROCESSABLE,),
            "the vendor's moderation refused the prompt",
            "change the prompt",
        ),
        Row(
            "PROVIDER_RATE_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "a limit of the vendor; that model rests under that key",
            "wait as long as the answer says",
        ),
        Row(
            "PROVIDER_LOAD_LIMIT_EXCEEDED",
            (ErrorKind.UNAVAILABLE,),
            "the vendor answered 503 or 529",
            "ask again later",
        ),
        Row(
            "PROVIDER_CREDENTIALS_INVALID",
            (ErrorKind.BAD_UPSTREAM,),
            "the vendor refused the operator's key; no retry helps",
            "the operator gives a valid key",
        ),
        Row(
            "PROVIDER_LOCATION_UNSUPPORTED",
            (ErrorKind.BAD_UPSTREAM,),
            "the vendor does not serve the place it is called from; no retry helps",
            "use another vendor",
        ),
        Row(
            "PROVIDER_FEATURE_UNSUPPORTED",
            (ErrorKind.UNIMPLEMENTED,),
            "the provider lacks something that was asked for",
            "ask another provider, or without it",
        ),
        Row(
            "PROVIDER_REQUEST_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "the vendor says the request is wrong",
            "the message has the vendor's words",
        ),
        Row(
            "PROVIDER_REQUEST_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "the request is larger than the vendor takes",
            "send less",
        ),
        Row(
            "CONTEXT_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "more tokens than the model's context holds",
            "send less, or ask a model with a larger one",
        ),
        Row(
            "PROVIDER_CONNECTION_FAILED",
            (ErrorKind.BAD_UPSTREAM,),
            "the vendor could not be reached",
            "see network, proxy and base URL: `penstock doctor`",
        ),
        Row(
            "PROVIDER_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "the vendor took longer than the answer may take",
            "ask for less, or raise `LLM_ANSWER_TIMEOUT`",
        ),
        Row(
            "PROVIDER_FIRST_TOKEN_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "the vendor began too late",
            "ask again, or raise `LLM_FIRST_TOKEN_TIMEOUT`",
        ),
        Row(
            "PROVIDER_IDLE_TIMEOUT",
            (ErrorKind.BAD_UPSTREAM,),
            "the vendor fell silent in the middle",
            "ask again",
        ),
        Row(
            "PROVIDER_INTERRUPTED",
            (ErrorKind.BAD_UPSTREAM,),
            "the vendor's answer broke off",
            "ask again",
        ),
        Row(
            "PROVIDER_RESPONSE_INVALID",
            (ErrorKind.BAD_UPSTREAM,),
            "what the vendor sent is not its protocol",
            "see the base URL",
        ),
        Row(
            "PROVIDER_FAILED",
            (ErrorKind.BAD_UPSTREAM,),
            "the vendor answered with a failure of its own",
            "ask again",
        ),
        Row(
            "JSON_SCHEMA_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a schema of tools or output that the vendor can't take",
            "the message names the place",
        ),
        Row(
            "FILE_TYPE_UNSUPPORTED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a file of a type that the vendor does not read",
            "the message lists those it does",
        ),
        Row(
            "PROMPT_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "an empty prompt",
            "give at least one message",
        ),
        Row(
            "POLICY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a routing policy that does not exist",
            "the message lists those that do",
        ),
    ),
)
