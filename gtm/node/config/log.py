"""The part `log` of a node file: how the node logs."""

from typing import Annotated

from gtm.config.entry import Entry
from gtm.config.fields import choice
from gtm.node.config.log_options import DEFAULT_LOG, LogChoice, LogFormat, LogLevel


class LogEntry(Entry):
    """The form and the level of the log."""

    format: Annotated[LogFormat, choice("log format", {one.value: one for one in LogFormat})] = DEFAULT_LOG.format
    """`json` writes one object for each line (docs/reference/log.md#json); `--log-format` comes before it."""
    level: Annotated[LogLevel, choice("log level", {one.value: one for one in LogLevel})] = DEFAULT_LOG.level
    """Lowest level that is logged: `debug`, `info`, `warning` or `error`; `--log-level` comes before it."""

    @property
    def chosen(self) -> LogChoice:
        """Returns the form and the level of the log as a value."""
        return LogChoice(self.format, self.level)
