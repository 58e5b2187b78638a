"""A refusal of the admin API with more than words: what stands beside `error` in its JSON."""

from collections.abc import Mapping

from aiohttp import web


class ExplainedConflict(web.HTTPConflict):
    """A command is refused, and the answer has why, for programs."""

    def __init__(self, text: str, more: Mapping[str, object]) -> None:
        super().__init__(reason="refused", text=text)
        self.more = more
