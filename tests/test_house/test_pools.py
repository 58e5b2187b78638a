"""Each purpose has threads of its own (gtm/threads.py): what hangs in asyncio's pool, which all share, stops all."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_house.sources import sources

OWNER = "gtm/threads.py"
NAMES = {
    "to_thread": "asyncio.to_thread uses the pool that everything shares",
    "run_in_executor": "run_in_executor is for libraries",
    "getaddrinfo": "names are asked for by gtm/resolver.py",
    "ThreadPoolExecutor": "the end of the process waits for its threads",
    "ThreadedResolver": "it uses the pool that everything shares",
    "DefaultResolver": "it uses the pool that everything shares",
}
MAY = {OWNER: {"ThreadPoolExecutor"}, "gtm/resolver.py": {"getaddrinfo"}}


def shared_pools(source: str, may: frozenset[str] = frozenset()) -> list[str]:
    """Returns `LINE: why not` for every use of threads that others need, in order."""
    return [f"{line}: {NAMES[name]}" for line, name in sorted(_names(ast.parse(source))) if name in NAMES.keys() - may]


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                yield node.lineno, name
            case ast.ImportFrom():
                yield from ((node.lineno, alias.name) for alias in node.names)


def sessions_without_a_resolver(source: str) -> list[int]:
    """Returns the lines where a connector is made that asks for names in the pool that everything shares."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "TCPConnector"
        and "resolver" not in {keyword.arg for keyword in call.keywords}
    ]


def test_nothing_uses_threads_that_something_else_needs() -> None:
    users = {path: shared_pools(source, frozenset(MAY.get(path, ()))) for path, source in sources(NAMES)}
    assert {path: lines for path, lines in users.items() if lines} == {}
    sessions = {path: sessions_without_a_resolver(source) for path, source in sources({"TCPConnector"})}
    assert sessions, "somebody has connections"
    assert {path: lines for path, lines in sessions.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("await asyncio.to_thread(f)", "1: asyncio.to_thread uses the pool that everything shares"),
        ("from asyncio import to_thread", "1: asyncio.to_thread uses the pool that everything shares"),
        ("\nloop.run_in_executor(None, f)", "2: run_in_executor is for libraries"),
        ("await loop.getaddrinfo('a', 1)", "1: names are asked for by gtm/resolver.py"),
        ("with ThreadPoolExecutor(1): ...", "1: the end of the process waits for its threads"),
    ],
)
def test_what_shares_threads_is_found(source: str, finding: str) -> None:
    assert shared_pools(source) == [finding]


def test_a_session_that_asks_for_names_as_aiohttp_does_is_found() -> None:
    assert sessions_without_a_resolver("aiohttp.TCPConnector(limit=0)\naiohttp.TCPConnector(resolver=r)") == [1]
