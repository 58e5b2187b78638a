"""Log records -> lines of JSON, one object each: for who collects logs, and does not read them.

    {"time": "2026-01-31T12:00:00.123Z", "level": "WARNING", "logger": "gtm.node.notices.outages", "message": "...",
    ...}

What comes in: log records, whose messages may hold what others wrote. What goes out: one line for each, of MAX_BYTES at
most: container runtimes cut longer ones, and half an object is none. After the four keys come the fields of the record
(`extra`), `thread` where it is not the main one, and `exception` and `stack` with the lines of a traceback. What does
not print is escaped as JSON does it.
"""

import json
import logging
import time
from collections.abc import Mapping

from gtm.cli.lines import MAX_RECORD
from gtm.escape import escaped_json

MAX_BYTES = 16_000
"""Docker cuts lines at 16 KiB, and the journal at 48."""
MAX_TRACEBACK = 8_000
MAX_FIELD = 1_000
MAX_FIELDS = 20
"""Characters of a value; and items of a list, and fields."""

TIME, LEVEL, LOGGER, MESSAGE, THREAD, EXCEPTION, STACK = KEYS = (
    "time",
    "level",
    "logger",
    "message",
    "thread",
    "exception",
    "stack",
)

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest is its fields."""

Value = str | int | float | bool | list[str] | None


class JsonFormatter(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns a log record as one line of JSON."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Value] = {
            TIME: f"{seconds}.{int(record.msecs):03d}Z",  # RFC 3339
            LEVEL: record.levelname,
            LOGGER: record.name,
            MESSAGE: _cut(_message(record), MAX_RECORD),
        }
        line |= _fields(vars(record))
        if record.threadName not in {None, "MainThread"}:
            line[THREAD] = record.threadName
        if record.exc_info and record.exc_info[0] is not None:
            line[EXCEPTION] = _cut_in_the_middle(self.formatException(record.exc_info), MAX_TRACEBACK)
        if record.stack_info:
            line[STACK] = _cut_in_the_middle(record.stack_info, MAX_TRACEBACK)
        return _within_limit(line)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError) as error:  # a mistake at the call: what was said is worth more than how
        return f"{record.msg} {record.args} ({error})"


def _fields(fields: Mapping[str, object]) -> dict[str, Value]:
    own = [(name, value) for name, value in fields.items() if name not in _USUAL and name not in KEYS]
    return {name: _value(value) for name, value in own[:MAX_FIELDS]}


def _value(value: object) -> Value:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)  # JSON has no infinity, and NaN is never less
    if isinstance(value, list | tuple):
        return [_cut(str(each), MAX_FIELD) for each in value[:MAX_FIELDS]]
    return _cut(str(value), MAX_FIELD)


def _within_limit(line: dict[str, Value]) -> str:
    """Returns a JSON line within the size limit: cuts first the traceback, then the message and the fields."""
    text = _composed(line)
    for limit in (2_000, 500, 100, 20):
        if len(text.encode()) <= MAX_BYTES:
            break
        cut = {name: _shorter(name, value, limit) for name, value in line.items()}
        text = _composed(cut)
    return text


def _shorter(name: str, value: Value, limit: int) -> Value:
    if isinstance(value, list):
        return [_cut(each, min(limit, 200)) for each in value[: limit // 100]]
    if not isinstance(value, str):
        return value
    return _cut_in_the_middle(value, limit) if name in {EXCEPTION, STACK} else _cut(value, limit)


def _composed(line: Mapping[str, Value]) -> str:
    return escaped_json(json.dumps(line, ensure_ascii=False, separators=(", ", ": ")))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def _cut_in_the_middle(text: str, limit: int) -> str:
    """Returns the beginning and the end of a long text: these are the useful parts of a traceback."""
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}\n... ({len(text)} characters) ...\n{text[-half:]}"
