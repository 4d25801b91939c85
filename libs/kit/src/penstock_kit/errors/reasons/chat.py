"""Reasons of chat-stream-service, in answers and in the terminal events of streams."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

CHAT: Final = Section(
    title="Conversations and streams",
    note=("Those of a turn that fails end its stream, as the `reason` of its `error` event ([events.md](events.md))."),
    rows=(
        Row(
            "ANSWER_EMPTY",
            (ErrorKind.BAD_UPSTREAM,),
            "the model ended its turn without saying anything",
            "ask again, or another model",
        ),
        Row(
            "ANSWER_FILTERED",
            (ErrorKind.UNPROCESSABLE,),
            "the model's moderation withheld the answer",
            "ask otherwise",
        ),
        Row(
            "ENGINE_FAILED",
            (ErrorKind.INTERNAL,),
            "a defect in the making of the answer",
            "report it with the request id",
        ),
        Row(
            "ENGINE_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such engine",
            "the message lists those that are",
        ),
        Row(
            "STREAM_IDLE_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "nothing came from the model for too long",
            "ask again",
        ),
        Row(
            "TURN_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "the answer took longer than a turn may take",
            "ask for less at once",
        ),
        Row(
            "REPLICA_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the replica is shutting down",
            "ask or read on again: another one answers",
        ),
        Row(
            "STREAM_INTERRUPTED",
            (
                ErrorKind.UNAVAILABLE,
                ErrorKind.BAD_UPSTREAM,
            ),
            "the stream ended before its end, for what made or carried it is gone",
            "ask again",
        ),
        Row(
            "READER_INTERRUPTED",
            (ErrorKind.UNAVAILABLE,),
            "a reader took nothing for too long",
            "read on from the last sequence",
        ),
        Row(
            "EVENT_LOG_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "Redis is away, and only it could know",
            "come again in a moment",
        ),
        Row(
            "RUNNING_STREAM_EXISTS",
            (
                ErrorKind.ALREADY_EXISTS,
                ErrorKind.ABORTED,
                ErrorKind.FAILED_PRECONDITION,
            ),
            "another question of the conversation is being answered (`running_stream_id`)",
            "wait for its end, stop it, or ask with `on_busy: wait`",
        ),
        Row(
            "QUESTIONS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many questions wait in the conversation",
            "wait for an answer",
        ),
        Row(
            "STREAMS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many streams run at once",
            "wait for one to end",
        ),
        Row(
            "STREAM_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such stream",
            "list the conversation's streams",
        ),
        Row(
            "STREAM_CONFLICT",
            (ErrorKind.FAILED_PRECONDITION,),
            "writing to a stream that has ended or that another replica took over",
            "a defect, or a replica that was paused",
        ),
        Row(
            "SEQUENCE_CONFLICT",
            (ErrorKind.FAILED_PRECONDITION,),
            "an event that would leave a gap",
            "a defect, or a replica that was paused",
        ),
        Row(
            "SEQUENCE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a sequence that the stream has not reached",
            "read on from one you were given",
        ),
        Row(
            "STREAM_REQUEST_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a field of the question is wrong; `errors` names it",
            "mend the named field",
        ),
        Row(
            "STOP_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "the replica that answers did not confirm the stop",
            "try again; the answer ends by itself",
        ),
        Row(
            "CONVERSATION_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such conversation",
            "list the conversations",
        ),
        Row(
            "PICTURE_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "the conversation has no such picture",
            "take its id from the conversation's messages",
        ),
        Row(
            "PICTURE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a picture of a question is of another kind, cut off or too large, or there are too many",
            "send at most 4 whole PNG, JPEG, GIF or WebP files of at most 3 MiB and 8,000 pixels a side",
        ),
        Row(
            "CONVERSATION_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a field of a conversation is wrong; `errors` names it",
            "mend the named field",
        ),
        Row(
            "PERSONALITIES_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many personalities in the tenant",
            "delete some that are not used any more",
        ),
        Row(
            "PERSONALITY_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such personality",
            "list the personalities",
        ),
        Row(
            "PERSONALITY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a field of a personality or template is wrong; `errors` names it",
            "mend the named field",
        ),
        Row(
            "TEMPLATES_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many prompt templates in the tenant",
            "delete some that are not used any more",
        ),
        Row(
            "TEMPLATE_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such template",
            "list the templates",
        ),
        Row(
            "TEMPLATE_VALUES_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "values that do not fit the template's placeholders",
            "give one for each placeholder",
        ),
        Row(
            "CLIENT_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such client",
            "register it",
        ),
        Row(
            "CLIENT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a field of a client is wrong; `errors` names it",
            "mend the named field",
        ),
        Row(
            "CLIENTS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "the user has as many clients as may be",
            "remove one",
        ),
        Row(
            "CURSOR_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a cursor that is none of the feed's",
            "pass on the one you were given",
        ),
        Row(
            "CURSOR_EXPIRED",
            (ErrorKind.FAILED_PRECONDITION,),
            "the feed does not reach back to the cursor",
            "read the streams anew",
        ),
        Row(
            "EMBEDDING_EMPTY",
            (ErrorKind.NOT_FOUND,),
            "a model gave no vector",
            "use another embedding model",
        ),
        Row(
            "MEM0_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "mem0 is being loaded",
            "come again in a moment",
        ),
        Row(
            "MEM0_FAILED",
            (ErrorKind.UNAVAILABLE,),
            "mem0 can't be loaded",
            "the message says why",
        ),
    ),
)
