"""Lines of the log for refusals that any client may cause: a limit per minute, then the number of the others."""

import asyncio
import logging

LINES = 10
SPAN_S = 60.0


class RefusalLog:
    """Logs at most `lines` refusals in each `span_s` seconds, and then the number of those that it did not log.

    Its state: the numbers of logged and of unlogged refusals in this span.
    """

    def __init__(self, log: logging.Logger, what: str, *, lines: int = LINES, span_s: float = SPAN_S) -> None:
        """`what` is the text after the number of unlogged refusals, such as `more overrides were refused`."""
        self._log = log
        self._what = what
        self._most = lines
        self._span_s = span_s
        self._lines = 0
        self._untold = 0
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, message: str) -> None:
        """Logs a refusal as a warning; only counts it where there were `lines` in this span already."""
        if self._timer is None:
            self._begin()
        if self._lines < self._most:
            self._lines += 1
            self._log.warning("%s", message)
        else:
            self._untold += 1

    def _begin(self) -> None:
        self._lines = self._untold = 0
        self._timer = asyncio.get_running_loop().call_later(self._span_s, self._end)

    def _end(self) -> None:
        self._timer = None
        if self._untold:
            self._log.warning(
                "%d %s within %.0f s; they are counted, not logged", self._untold, self._what, self._span_s
            )
            self._begin()
