"""The settings of the log: its form and level, which the node file or the command line chooses."""

from dataclasses import dataclass
from enum import Enum


class LogFormat(Enum):
    """The form of a record of the log."""

    TEXT = "text"
    """One line for people, and below it the lines of a traceback, if there is one."""
    JSON = "json"
    """One line with one JSON object."""


class LogLevel(Enum):
    """The lowest level of records that are logged."""

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
