"""What the terminal shows of a stream: the answer on standard output, everything around it dimly on standard error."""

import json
from typing import Any, Final, TextIO

from penstock_cli.chat.event import Event
from penstock_kit.text.control import without_controls

_DIM, _RED, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"
_LONGEST_NOTE: Final = 300


class Screen:
    """Writes events as they come. With standard output in a file or pipe, exactly the answer is in it."""

    def __init__(self, *, answer: TextIO, notes: TextIO, colour: bool) -> None:
        self._answer = answer
        self._notes = notes
        self._colour = colour
        self._said = ""
        self._at_line_start = True

    def show(self, event: Event) -> None:
        """Show one event; kinds of a later version are passed over."""
        fields = event.fields
        match event.kind:
            case "message_chunk":
                self._say(str(fields.get("content", "")))
            case "thinking":
                self._note(str(fields.get("content", "")))
            case "tool_call":
                self._note(f"→ {fields.get('name')}({_arguments(fields.get('arguments'))})")
            case "tool_result":
                sign = "✗" if fields.get("is_error") else "←"
                self._note(f"{sign} {_short(str(fields.get('content', '')))}")
            case "complete_state":
                self._complete(event)
            case "error":
                self._error(str(fields.get("message", "")), str(fields.get("reason", "")))
            case _:
                pass

    def note(self, text: str) -> None:
        """Show a remark of the command's own."""
        self._note(text)

    def _complete(self, event: Event) -> None:
        """Bring what was said up to the whole text: a resumed stream may begin with it."""
        whole = str(event.fields.get("content", ""))
        if whole.startswith(self._said):
            self._say(whole[len(self._said) :])
        if event.terminal:
            self._end_line()
            self._note(_footer(event.fields))
            self._said = ""

    def _say(self, text: str) -> None:
        if text:
            self._answer.write(_for(self._answer, text))
            self._answer.flush()
            self._said += text
            self._at_line_start = text.endswith("\n")

    def _note(self, text: str) -> None:
        self._end_line()
        text = _for(self._notes, text)
        self._notes.write(f"{_DIM}{text}{_PLAIN}\n" if self._colour else f"{text}\n")
        self._notes.flush()

    def _error(self, message: str, reason: str) -> None:
        self._end_line()
        text = _for(self._notes, f"error: {message} ({reason})")
        self._notes.write(f"{_RED}{text}{_PLAIN}\n" if self._colour else f"{text}\n")
        self._notes.flush()
        self._said = ""

    def _end_line(self) -> None:
        if not self._at_line_start:
            self._answer.write("\n")
            self._answer.flush()
            self._at_line_start = True


def _arguments(arguments: Any) -> str:
    if not isinstance(arguments, dict):
        return _short(json.dumps(arguments, ensure_ascii=False))
    pairs: dict[str, Any] = arguments  # pyright: ignore[reportUnknownVariableType]
    return _short(", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in pairs.items()))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NOTE else f"{line[:_LONGEST_NOTE]}… ({len(line)} characters)"


def _footer(fields: dict[str, Any]) -> str:
    usage: dict[str, Any] = fields.get("usage") or {}
    cost: dict[str, Any] = fields.get("cost") or {}
    parts = [str(fields.get("model") or ""), f"{usage.get('total_tokens', 0)} tokens" if usage else ""]
    if cost.get("amount"):
        parts.append("free" if cost["amount"] == "0" else f"{cost['amount']} {cost.get('currency', '')}".strip())
    if fields.get("status") not in {"completed", None}:
        parts.append(str(fields["status"]))
    return "· " + " · ".join(part for part in parts if part)


def _for(file: TextIO, text: str) -> str:
    """Return `text` as it goes to `file`: a device's or a model's words must not steer a terminal."""
    return without_controls(text) if file.isatty() else text
