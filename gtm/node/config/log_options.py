"""How a node logs: what its file, or its command line, chooses of the log."""

from dataclasses import dataclass
from enum import Enum


class LogFormat(Enum):
    """What a record of the log looks like."""

    TEXT = "text"
    """A line for people, and the lines of a traceback below it."""
    JSON = "json"
    """A line with one object."""


class LogLevel(Enum):
    """From which level on records are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LogChoice:
    """The form and the level of the log."""

    format: LogFormat = LogFormat.TEXT
    level: LogLevel = LogLevel.INFO


DEFAULT_LOG = LogChoice()
