"""The command itself: one question, one a line of what is piped in, or a dialogue until the end of input."""

import contextlib
import difflib
import importlib
import json
import signal
import sys
import threading
from collections.abc import Generator
from typing import Final

from penstock_cli.chat.conversation import Conversation, Wishes
from penstock_cli.chat.event import Event
from penstock_cli.chat.screen import Screen
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings

EXIT_INTERRUPTED: Final = 130
_COMMANDS: Final = ("/new", "/help", "/exit", "/quit")
_HELP: Final = """\
/new     begins another conversation
/help    shows this
/exit    leaves, as do /quit and Ctrl-D
Ctrl-C   stops the answer, on the server too; a second one leaves at once
Everything else is asked. A question about a device names it: What was the mean current of WLD001 in the last hour?"""


def chat(
    settings: CliSettings, question: str, *, wishes: Wishes, conversation_id: str = "", as_json: bool = False
) -> int:
    """Answer `question`, or each line that is typed or piped in; return the exit code.

    0 answered, 1 the answer failed, 3 the gateway can't be reached, 4 it refused, 130 stopped by Ctrl-C.
    """
    conversation = Conversation(settings, wishes, conversation_id=conversation_id)
    screen = Screen(answer=sys.stdout, notes=sys.stderr, colour=sys.stderr.isatty())
    try:
        if not question and sys.stdin.isatty():
            return _dialogue(conversation, screen, as_json=as_json)
        if question:
            return _answer(conversation, screen, question, as_json=as_json)
        return _piped(conversation, screen, as_json=as_json)
    finally:
        conversation.close()


def _piped(conversation: Conversation, screen: Screen, *, as_json: bool) -> int:
    """Answer each line of the input, one after another in one conversation; a stopped answer ends it.

    Returns 0 when all were answered, else the code of the last that was not.
    """
    code, asked = 0, False
    for line in sys.stdin:
        question = line.strip()
        if question.startswith("/"):
            _command(question, conversation, screen)
        elif question:
            asked = True
            code = _answer(conversation, screen, question, as_json=as_json) or code
            if code == EXIT_INTERRUPTED:
                break
    if not asked:
        raise CommandFailed("nothing to ask: give a question, or type one in a terminal", exit_code=2)
    return code


def _dialogue(conversation: Conversation, screen: Screen, *, as_json: bool) -> int:
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # gives input() its line editing
    screen.note("Ask away. Ctrl-C stops an answer, Ctrl-D leaves, /help shows what else there is.")
    while True:
        try:
            question = input("› ").strip()
        except (EOFError, KeyboardInterrupt):
            sys.stdout.write("\n")
            return 0
        if question in {"/exit", "/quit"}:
            return 0
        if question.startswith("/"):
            _command(question, conversation, screen)
        elif question:
            _reported(conversation, screen, question, as_json=as_json)


def _command(text: str, conversation: Conversation, screen: Screen) -> None:
    """Do what a line that begins with a slash says. What is none of the commands is not sent to the model."""
    match text:
        case "/new":
            conversation.id = ""
            screen.note("the next question begins another conversation")
        case "/help":
            screen.note(_HELP)
        case _:
            near = difflib.get_close_matches(text, _COMMANDS, n=1)
            remedy = f"did you mean {near[0]}?" if near else "see /help"
            screen.note(f"there is no {text.split(maxsplit=1)[0]}; {remedy}")


def _reported(conversation: Conversation, screen: Screen, question: str, *, as_json: bool) -> None:
    """Answer one question of a dialogue; a failure is shown and does not end it."""
    try:
        _answer(conversation, screen, question, as_json=as_json)
    except CommandFailed as failure:
        screen.note(f"penstock: {failure.message}")
    except KeyboardInterrupt:
        screen.note("interrupted")


def _answer(conversation: Conversation, screen: Screen, question: str, *, as_json: bool) -> int:
    last: Event | None = None
    with _stopping(conversation):
        for last in conversation.ask(question):
            if as_json:
                sys.stdout.write(json.dumps(last.fields, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                screen.show(last)
    if last is None or last.kind == "error":
        return 1
    return EXIT_INTERRUPTED if last.fields.get("status") == "stopped" else 0


@contextlib.contextmanager
def _stopping(conversation: Conversation) -> Generator[None]:
    """Let Ctrl-C stop the answer on the server, and the stream end as it does; a second one leaves at once."""
    asked = threading.Event()

    def on_interrupt(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        threading.Thread(target=_stop, args=(conversation,), daemon=True).start()

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _stop(conversation: Conversation) -> None:
    """Stop the answer; before its first event, or when that fails, interrupt the reading instead."""
    stopped = False
    with contextlib.suppress(CommandFailed):
        stopped = conversation.stop()
    if not stopped:
        # To the main thread by name: only then does it stop waiting for the next byte.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
