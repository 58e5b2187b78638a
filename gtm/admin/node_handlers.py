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
    """What the API is about: the node."""

    async def refresh(self) -> None:
        """Makes what takes long of `status_json` and `regions`, off the event loop."""

    def status_json(self) -> bytes:
        """Returns everything about this node: a NodeStatus."""

    def regions(self) -> RegionList:
        """Returns every region's state."""

    def explain(self, name: Name, rtype: RdataType, client: Address) -> "Explanation":
        """Returns the explanation of a client's answer.

        Raises QuestionUnclear where a short name could mean several, or AnswersNothing where no client gets one here.
        """

    def events(self, request: web.Request) -> Events:
        """Returns the recent events that a request asks for."""

    async def reload(self, force: frozenset[Name] = frozenset()) -> Reloaded:
        """Reads the zone folder now, and takes the zones of `force` whatever they lose."""

    def zones(self) -> frozenset[Name]:
        """Returns the zones that serve."""

    def unready(self) -> str:
        """Returns the reason why this node should get no queries; empty when it should."""


class NodeHandlers:
    """Answers what is asked about the node."""

    def __init__(self, subject: ServedNode) -> None:
        self._subject = subject

    async def status(self, _request: web.Request) -> web.Response:
        """Returns everything about this node."""
        await self._subject.refresh()
        return web.Response(body=self._subject.status_json(), content_type="application/json")

    async def regions(self, _request: web.Request) -> web.Response:
        """Returns every region's state."""
        await self._subject.refresh()
        return _answer(self._subject.regions(), RegionList)

    async def explain(self, request: web.Request) -> web.Response:
        """Returns the explanation of a client's answer."""
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
        """Returns the recent events that are asked for."""
        return _answer(self._subject.events(request), Events)

    async def reload(self, request: web.Request) -> web.Response:
        """Reads the zone folder; `force` names zones that are taken whatever they lose."""
        force = self._forced(request) if "force" in request.query else frozenset[Name]()
        reloaded = await self._subject.reload(force)
        return _answer(reloaded, Reloaded, status=409 if reloaded.problems else 200)

    def _forced(self, request: web.Request) -> frozenset[Name]:
        """Returns the zones that a request forces; raises what to answer where it names none."""
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
