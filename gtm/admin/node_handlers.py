"""What the admin API answers about the node: status, regions, events, why a client gets its answer, and a reload.

In come requests that the rule of their row let in (access.py); out go views as JSON (encode.py). A bad request
gets 400 with the reason.
"""

import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

from aiohttp import web
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.admin.access import sender_of
from gtm.admin.dns_question import parse_name, parse_question, short
from gtm.admin.encode import encode
from gtm.admin.views import Events, RegionList, Reloaded
from gtm.errors import AnswersNothing
from gtm.ids import Address

if TYPE_CHECKING:
    from gtm.explain.explain import Explanation

log = logging.getLogger(__name__)
_View = TypeVar("_View")


class ServedNode(Protocol):
    """The node that the admin API shows and reloads."""

    async def refresh(self) -> None:
        """Computes the slow parts of `status_json` and `regions` in a thread, so that these two are fast."""

    def status_json(self) -> bytes:
        """Returns the status of this node as JSON: a NodeStatus."""

    def regions(self) -> RegionList:
        """Returns the regions of all zones with their states."""

    def explain(self, name: Name, rtype: RdataType, client: Address) -> "Explanation":
        """Returns the explanation of the answer that a client gets.

        Raises QuestionUnclear where a short name could mean several services, or AnswersNothing on a node that answers
        no queries.
        """

    def events(self, request: web.Request) -> Events:
        """Returns the recent events that match the query string of a request."""

    async def reload(self, force: frozenset[Name] = frozenset()) -> Reloaded:
        """Reads the zone folder now; returns the result.

        The zones in `force` are taken even if they lose most of their records.
        """

    def zones(self) -> frozenset[Name]:
        """Returns the names of the zones that this node serves."""

    def unready(self) -> str:
        """Returns the reason why this node should get no queries; empty when it should."""


class NodeHandlers:
    """Handles the requests about the node: status, regions, explain, events and reload."""

    def __init__(self, subject: ServedNode) -> None:
        self._subject = subject

    async def status(self, _request: web.Request) -> web.Response:
        """Returns the response with the status of this node."""
        await self._subject.refresh()
        return web.Response(body=self._subject.status_json(), content_type="application/json")

    async def regions(self, _request: web.Request) -> web.Response:
        """Returns the response with the state of every region."""
        await self._subject.refresh()
        return _answer(self._subject.regions(), RegionList)

    async def explain(self, request: web.Request) -> web.Response:
        """Returns the response with the explanation of the answer that a client gets.

        Raises HTTPBadRequest for a wrong question, or HTTPNotImplemented on a node that answers no queries.
        """
        asked = request.query
        try:
            question = parse_question(asked.get("name", ""), asked.get("type", "A"), asked.get("client", ""))
            explained = self._subject.explain(*question)
        except ValueError as error:
            raise web.HTTPBadRequest(reason="bad question", text=str(error)) from error
        except AnswersNothing as error:
            raise web.HTTPNotImplemented(reason="no answers here", text=str(error)) from error  # RFC 9110 15.6.2
        from gtm.explain.explain import Explanation  # noqa: PLC0415  # with an engine, which a probe does without

        return _answer(explained, Explanation)

    async def events(self, request: web.Request) -> web.Response:
        """Returns the response with the recent events that match the query string."""
        return _answer(self._subject.events(request), Events)

    async def reload(self, request: web.Request) -> web.Response:
        """Reads the zone folder; returns the response with the result, with status 409 if files have problems.

        `force` in the query string names zones that are taken even if they lose most of their records.
        """
        force = self._forced(request) if "force" in request.query else frozenset[Name]()
        reloaded = await self._subject.reload(force)
        return _answer(reloaded, Reloaded, status=409 if reloaded.problems else 200)

    def _forced(self, request: web.Request) -> frozenset[Name]:
        """Returns the zones in `force` of a request, and logs them; raises an HTTP error for a zone not served here."""
        try:
            forced_names = {text: parse_name(text, "force") for text in request.query.getall("force")}
        except ValueError as error:
            raise web.HTTPBadRequest(reason="bad zone", text=str(error)) from error
        served = self._subject.zones()
        for text, name in forced_names.items():
            if name not in served:
                message = f'force: no zone "{short(text)}" serves here; `gtm status` lists those that do'
                raise web.HTTPNotFound(reason="no such zone", text=message)
        zones = ", ".join(sorted(name.to_text(omit_final_dot=True) for name in forced_names.values()))
        log.warning("audit: reload forced from %s: %s", sender_of(request), zones)
        return frozenset(forced_names.values())


def _answer(view: _View, kind: type[_View], *, status: int = 200) -> web.Response:
    return web.Response(body=encode(view, kind), content_type="application/json", status=status)
