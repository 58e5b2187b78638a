"""Contexts of TLS are made by gtm/tls/contexts.py: Python's own defaults differ from version to version."""

import ast

import pytest

from tests.test_house.sources import sources

MAKERS = {
    "create_default_context",
    "_create_unverified_context",
    "_create_stdlib_context",
    "create_urllib3_context",
    "SSLContext",
    "wrap_socket",
}


def made(source: str) -> list[int]:
    """Returns the lines where a context is made."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in MAKERS
    )


def test_nothing_makes_a_context_by_itself() -> None:
    makers = {path: made(source) for path, source in sources(MAKERS)}
    assert [path for path, lines in makers.items() if lines] == ["gtm/tls/contexts.py"]


@pytest.mark.parametrize("source", ["ssl.create_default_context()", "a = SSLContext(ssl.PROTOCOL_TLS_CLIENT)"])
def test_who_makes_a_context_is_found(source: str) -> None:
    assert made(source) == [1]
