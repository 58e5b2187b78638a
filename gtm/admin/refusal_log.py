"""Lines of the log for refusals that anybody may bring about: so many a minute, and then how many more there were."""

import asyncio
import logging

LINES = 10
SPAN_S = 60.0


class RefusalLog:
    """Logs sparingly. Its state is how many lines there were in this span, and what was not logged."""

    def __init__(self, log: logging.Logger, what: str, *, lines: int = LINES, span_s: float = SPAN_S) -> None:
        """`what` is how the count begins, after the number of refusals."""
        self._log = log
        self._what = what
        self._most = lines
        self._span_s = span_s
        self._lines = 0
        self._untold = 0
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, message: str) -> None:
        """Logs a refusal, or counts it."""
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
