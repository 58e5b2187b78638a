"""A row of the table of routes is all that a new path takes: its handler, its rule, its listeners."""

import asyncio
from collections.abc import Sequence

import pytest
from aiohttp import ClientSession, web

from gtm.admin.access import ANYBODY, PEERS, READERS, Access, heartbeats, sender_of, writers
from gtm.admin.app import make_app, open_admin
from gtm.admin.health import open_health
from gtm.admin.routes import EVERYWHERE, AdminListener, Route

FOREIGN_NAME = {"Host": "evil.example"}
FOREIGN_PAGE = {"Origin": "https://evil.example"}


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def greet(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {sender_of(request)}")


async def by_name(request: web.Request) -> str:
    """Lets in who gives a name."""
    if "X-Name" not in request.headers:
        raise web.HTTPUnauthorized(text="who are you?")
    return request.headers["X-Name"]


def statuses(
    routes: Sequence[Route], *asked: tuple[str, str, dict[str, str]], is_health_port: bool = False
) -> list[int]:
    """Returns the status of each request to a real server of these rows."""

    async def story() -> list[int]:
        runner = await (open_health if is_health_port else open_admin)("127.0.0.1", 0, routes)
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = []
        try:
            async with ClientSession() as session:
                for method, path, headers in asked:
                    async with session.request(method, url + path, headers=headers) as answer:
                        found.append(answer.status)
        finally:
            await runner.cleanup()
        return found

    return asyncio.run(asyncio.wait_for(story(), 10))


@pytest.mark.parametrize(
    ("access", "expected"),
    [(ANYBODY, [200, 200, 200]), (PEERS, [200, 200, 403]), (READERS, [200, 421, 403])],
    ids=["anybody", "peers", "readers"],
)
def test_a_new_path_has_the_rule_of_its_row(access: Access, expected: list[int]) -> None:
    row = Route("GET", "/v1/hello", hello, access)
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "/v1/hello", each) for each in ({}, FOREIGN_NAME, FOREIGN_PAGE)
    ]
    assert statuses([row], *asked) == expected


def test_the_rule_lets_in_who_has_a_credential_and_the_handler_knows_who_that_is() -> None:
    refused: list[int] = []
    rule = writers(by_name, lambda _request, error: refused.append(error.status))
    row = Route("POST", "/v1/hello", greet, rule)
    asked = [("POST", "/v1/hello", headers) for headers in ({}, {"X-Name": "ann"}, {"X-Name": "ann", **FOREIGN_NAME})]
    assert statuses([row], *asked) == [401, 200, 421]
    assert refused == [401], "a foreign name is refused before the credential is looked at"


def test_the_rule_of_a_path_holds_for_a_method_that_it_has_not_and_needs_no_credential_there() -> None:
    rows = [
        Route("POST", "/v1/hello", greet, writers(by_name, lambda _request, _error: None)),
        Route("POST", "/v1/beat/{check:.+}", greet, heartbeats(by_name)),
        Route("POST", "/v1/elsewhere/{check:.+}", None, heartbeats(by_name)),
    ]
    asked = [
        (path, headers) for path in ("/v1/hello", "/v1/beat/a", "/v1/elsewhere/a") for headers in ({}, FOREIGN_NAME)
    ]
    assert statuses(rows, *[("GET", *each) for each in asked]) == [405, 421, 405, 405, 404, 404]


def test_a_path_that_no_row_has_is_not_there_for_readers() -> None:
    assert statuses([], ("GET", "/v1/hello", {}), ("GET", "/v1/hello", FOREIGN_NAME)) == [404, 421]
    assert statuses([], ("GET", "/v1/hello", FOREIGN_NAME), is_health_port=True) == [404]


def test_a_listener_serves_the_rows_that_name_it() -> None:
    rows = [Route("GET", "/here", hello, ANYBODY), Route("GET", "/both", hello, ANYBODY, EVERYWHERE)]
    asked: list[tuple[str, str, dict[str, str]]] = [("GET", "/here", {}), ("GET", "/both", {}), ("HEAD", "/both", {})]
    assert statuses(rows, *asked) == [200, 200, 200]
    assert statuses(rows, *asked, is_health_port=True) == [404, 200, 200]
    paths = {
        route.resource.canonical for route in make_app(rows, AdminListener.SOCKET).router.routes() if route.resource
    }
    assert paths == {"/here", "/both"}
