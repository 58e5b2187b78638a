"""Files that configuration names are read by gtm/files.py: who opens one by himself may wait for a pipe for ever."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_house.sources import sources

READERS = {"read_text", "read_bytes", "open", "open_database", "read_dir"}
PATHS = {"load_verify_locations": {"cadata"}, "load_cert_chain": set[str]()}
"""What reads by itself, unless it is given one of these."""
MAY = {
    "gtm/content.py": "it is the one, for gtm/files.py",
    "gtm/node/state/checksummed_files.py": "files that this program wrote",
    "gtm/node/state/boot_plan.py": "it asks the vault",
    "gtm/node/events/files.py": "files that this program wrote",
    "gtm/node/state/lock.py": "files that this program wrote",
    "gtm/share/keys.py": "it writes a key",
    "gtm/watch/geoinstall.py": "it writes a database",
    "gtm/watch/geochild.py": "it opens a copy in memory",
    "gtm/probe/tls.py": "a copy in memory (as_path)",
    "gtm/tls/peers.py": "a copy in memory (as_path)",
    "gtm/admin/tls_hints.py": "what a person typed, before a command",
    "gtm/cli/options.py": "what a person typed, who may type <(command)",
    "gtm/cli/app.py": "/dev/null",
    "gtm/cli/demo/child.py": "logs of the demo",
}


def opened(source: str) -> list[int]:
    """Returns the lines where a file is opened."""
    return sorted(_opened(ast.parse(source)))


def _opened(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg for keyword in node.keywords}
        if name in READERS or (name in PATHS and (node.args or not given & PATHS[name])):
            yield node.lineno


def test_nothing_opens_a_file_by_itself() -> None:
    openers = {path: opened(source) for path, source in sources({*READERS, *PATHS}) if path not in MAY}
    assert openers, "other files have such words, and open none"
    assert {path: lines for path, lines in openers.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "Path('a').read_text()",
        "path.open('rb')",
        "open('a')",
        "context.load_cert_chain(a, b)",
        "context.load_verify_locations(ca)",
        "context.load_verify_locations(cafile=ca)",
    ],
)
def test_who_opens_a_file_is_found(source: str) -> None:
    assert opened(source) == [1]


def test_what_is_in_memory_may_be_read() -> None:
    assert opened("context.load_verify_locations(cadata=text)") == []
