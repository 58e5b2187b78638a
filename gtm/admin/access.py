"""Who may send a request of the admin API: the rule that each row of the table of routes has, and its only check.

    checks_host    Host names this machine: else 421 (origin.py)
    checks_page    no page of another site sent it: else 403 (origin.py)
    verify         who sent it, by a credential: else what that raises (write_access.py, gtm/probe/push_handler.py)

The checks are made in this order. What comes in: a request, and the names of this machine. What goes out: nothing, or
the refusal. A handler reads from `sender_of` who was let in.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from gtm.admin.origin import Names, require_own_host, require_own_page

Verify = Callable[[web.Request], Awaitable[str]]
"""Returns the sender of a request, or raises the answer that refuses it."""
OnRefused = Callable[[web.Request, web.HTTPException], None]

_SENDER = web.RequestKey("sender", str)


def _ignore(_request: web.Request, _refused: web.HTTPException) -> None: ...


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of a row."""

    words: str
    """For the docs."""
    checks_host: bool = True
    checks_page: bool = True
    verify: Verify | None = None
    on_refused: OnRefused = _ignore
    """Is called with each request that `verify` refuses."""


ANYBODY = Access("anybody", checks_host=False, checks_page=False)
"""For what tells nothing of anybody, and is asked under all kinds of names."""
PEERS = Access("any program, under any name", checks_host=False)
"""For what is signed and for everybody: peers call this node by names that it may not know."""
READERS = Access("any program")


def writers(require: Verify, on_refused: OnRefused) -> Access:
    """Returns the rule for what moves traffic: it takes a credential."""
    return Access("with a credential", verify=require, on_refused=on_refused)


def forcers(require: Verify) -> Access:
    """Returns the rule for what takes a credential only where the query has `force`."""

    async def verify(request: web.Request) -> str:
        return await require(request) if "force" in request.query else ""

    return Access("any program; `force` with a credential", verify=verify)


def heartbeats(verify: Verify) -> Access:
    """Returns the rule for what takes the token of a check, which no page has."""
    return Access("with the token of the check", checks_host=False, checks_page=False, verify=verify)


async def enforce(access: Access, request: web.Request, names: Names | None) -> None:
    """Lets a request pass, or raises what to answer. Without names it came over a socket, where Host means nothing."""
    if access.checks_host and names is not None:
        require_own_host(request, names())
    if access.checks_page:
        require_own_page(request)
    if access.verify is not None:
        try:
            request[_SENDER] = await access.verify(request)
        except web.HTTPException as refused:
            access.on_refused(request, refused)
            raise


def sender_of(request: web.Request) -> str:
    """Returns the sender of a request, as the rule of its row found out; a row without `verify` has none."""
    return request[_SENDER]
