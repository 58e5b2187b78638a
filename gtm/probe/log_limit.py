"""Limits the log lines about checks that change state: each zone may log a number of them; the rest is counted.

What comes in: a line, and the scope of its check. What goes out: the line, or nothing. An author of one zone file may
have thousands of endpoints change several times a second, and must not fill the disk, nor hide the lines of others.
"""

import logging

from gtm.ids import CheckId
from gtm.token_bucket import Allowances

LINES_AT_ONCE = 1_000
"""Log lines of each zone at once: a region of a thousand endpoints that goes down is logged completely."""
LINE_EVERY_S = 0.5


class Told:
    """Limits the log lines of each zone. It has state: the number of lines that each zone may still log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lines = Allowances(LINES_AT_ONCE, LINE_EVERY_S)

    def tell(self, scope: str, line: object, *, check: CheckId, now: float, level: int = logging.INFO) -> None:
        """Logs a line about a check of this scope, if its zone may log one; `now` is monotonic seconds.

        Other lines are dropped; the next line that is logged has their number before it.
        """
        if not self._lines.take(scope, now):
            return
        if more := self._lines.refused(scope):
            self._log.warning("%d state changes of checks of %s had no line: there are too many", more, scope)
        self._log.log(level, "%s", line, extra={"check": check})
