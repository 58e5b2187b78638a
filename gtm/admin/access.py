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
"""Returns the name of the sender of a request, or raises the HTTP error that refuses it."""
OnRefused = Callable[[web.Request, web.HTTPException], None]

_SENDER = web.RequestKey("sender", str)


def _ignore(_request: web.Request, _refused: web.HTTPException) -> None: ...


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of a row in the table of routes: which checks a request must pass before its handler runs."""

    words: str
    """The rule in words, for the docs."""
    checks_host: bool = True
    checks_page: bool = True
    verify: Verify | None = None
    on_refused: OnRefused = _ignore
    """Called with each request that `verify` refuses, and with the HTTP error."""


ANYBODY = Access("anybody", checks_host=False, checks_page=False)
"""For paths that give no information away, such as /livez, and that clients request under any host name."""
PEERS = Access("any program, under any name", checks_host=False)
"""For signed reports, which anybody may read: peers call this node by names that it may not know."""
READERS = Access("any program")


def writers(require: Verify, on_refused: OnRefused) -> Access:
    """Returns the rule for requests that change answers: `require` must find a credential."""
    return Access("with a credential", verify=require, on_refused=on_refused)


def forcers(require: Verify) -> Access:
    """Returns the rule for requests that need a credential only when their query string has `force`."""

    async def verify(request: web.Request) -> str:
        return await require(request) if "force" in request.query else ""

    return Access("any program; `force` with a credential", verify=verify)


def heartbeats(verify: Verify) -> Access:
    """Returns the rule for heartbeats: `verify` must find the token of the check. No web page knows this token."""
    return Access("with the token of the check", checks_host=False, checks_page=False, verify=verify)


async def enforce(access: Access, request: web.Request, names: Names | None) -> None:
    """Checks a request against the rule of its row, and stores its sender; raises the HTTP error of a refusal.

    `names` returns the host names of this machine; None for a Unix socket, where the Host field means nothing.
    """
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
    """Returns the name of the sender of a request, which `enforce` stored.

    Raises KeyError for a row whose rule has no `verify`.
    """
    return request[_SENDER]
