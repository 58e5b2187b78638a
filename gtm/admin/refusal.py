"""A refusal of the admin API that has more fields than `error` in its JSON."""

from collections.abc import Mapping

from aiohttp import web


class ExplainedConflict(web.HTTPConflict):
    """HTTP 409 for a refused command: its JSON has the message and the fields of `more`, which programs can read."""

    def __init__(self, text: str, more: Mapping[str, object]) -> None:
        super().__init__(reason="refused", text=text)
        self.more = more
