"""JSON logs through one sink: structlog and stdlib loggers alike, redacted, with trace and request ids."""

import json
import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TextIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from penstock_kit.context import context_if_any
from penstock_kit.redaction import Redactor
from penstock_kit.settings import LogFormat, LogLevel
from penstock_kit.telemetry.tracing import current_trace_ids

Logger = FilteringBoundLogger
EventDict = MutableMapping[str, Any]

_LEVELS: Final[dict[str, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
# Libraries whose INFO is noise of one line per request or statement.
_QUIET: Final = ("uvicorn.access", "httpx", "httpx2", "httpcore", "asyncio", "grpc", "alembic")
# Database drivers and their layers, whose DEBUG shows the values of statements.
_SECRETIVE: Final = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "aiosqlite", "asyncpg")


class Sink:
    """Completes, redacts and renders the log lines of a process, and writes each in one piece."""

    def __init__(self, service: str, fmt: LogFormat, redactor: Redactor, stream: TextIO | None = None) -> None:
        self._service = service
        self._render = _json_line if fmt == "json" else _console_line
        self._redactor = redactor
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, level: str, logger: str, event: str, fields: EventDict) -> None:
        """Write one line. Never raises: logging must not fail the call that is logged."""
        line: dict[str, Any] = {"ts": _now(), "level": level, "service": self._service, "logger": logger}
        line["event"] = event
        trace_id, span_id = current_trace_ids()
        if trace_id:
            line |= {"trace_id": trace_id, "span_id": span_id}
        context = context_if_any()
        if context is not None:
            line["request_id"] = context.request_id
        exception = _exception_text(fields.pop("exc_info", None))
        if exception:
            fields["exception"] = exception
        line |= {key: value for key, value in fields.items() if key not in line}
        self._emit(self._render(self._redactor.value(line)))

    def _emit(self, text: str) -> None:
        stream = self._stream or sys.stdout
        try:
            with self._lock:
                stream.write(text + "\n")
                stream.flush()
        except (OSError, ValueError):
            pass  # the reader of our output is gone; there is nowhere to say so


def configure_logging(
    service: str,
    level: LogLevel = "info",
    fmt: LogFormat = "json",
    *,
    stream: TextIO | None = None,
    redactor: Redactor | None = None,
) -> Redactor:
    """Send all logs of this process to `stream` (stdout) as `fmt`; return the redactor to register secrets with.

    stdlib loggers (uvicorn, grpc, sqlalchemy) go through the same sink. Call it once, at start.
    """
    redactor = redactor or Redactor()
    sink = Sink(service, fmt, redactor, stream)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _ToSink(sink)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_named,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_StdlibHandler(sink)]
    root.setLevel(_LEVELS[level])
    for name in (*_QUIET, *_SECRETIVE):
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    logging.captureWarnings(capture=True)
    return redactor


def get_logger(name: str) -> Logger:
    """Return the logger of a module: ``log.info("stream finished", stream_id=…, chunks=12)``.

    The event is a fixed phrase, what varies goes into the fields. `exc_info=True` adds the traceback.
    """
    return structlog.get_logger(name)


class _Named:
    """What structlog wraps: only the name, for the sink does the writing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, method: str) -> Any:
        return _nothing


def _named(*args: Any) -> _Named:
    return _Named(str(args[0]) if args else "penstock")


def _nothing(*_: Any, **__: Any) -> None:
    return None


class _HasName(Protocol):
    name: str


class _ToSink:
    """The last structlog processor: hands the event to the sink and drops it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def __call__(self, logger: _HasName, method: str, event: EventDict) -> EventDict:
        level = "error" if method in {"exception", "critical"} else method
        if method == "exception":
            event.setdefault("exc_info", True)
        self._sink.write(level, logger.name, str(event.pop("event", "")), event)
        raise structlog.DropEvent


class _StdlibHandler(logging.Handler):
    """Takes what other libraries log and hands it to the sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        self._sink.write(level, record.name, message, {"exc_info": record.exc_info})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _exception_text(exc_info: Any) -> str:
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(exc_info, BaseException):
        return ""
    return "".join(traceback.format_exception(exc_info)).rstrip()


def _json_line(line: dict[str, Any]) -> str:
    try:
        return orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # lone surrogates, integers beyond 64 bits
        return json.dumps(line, default=str)


def _console_line(line: dict[str, Any]) -> str:
    known = {"ts", "level", "service", "logger", "event", "exception", "trace_id", "span_id"}
    rest = " ".join(f"{key}={value}" for key, value in line.items() if key not in known)
    text = f"{line['ts'][11:23]} {line['level']:<7} {line['service']}: {line['event']}" + (f"  {rest}" if rest else "")
    return f"{text}\n{line['exception']}" if line.get("exception") else text
