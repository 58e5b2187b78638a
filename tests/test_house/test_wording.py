"""Names and docstrings say what a thing is. Each check here is about a habit that once hid what the code does.

    found, one, said, words      as a name of a variable or an argument: it says neither the type nor what the thing is
    "Returns what ..."           instead of a noun: "Returns the belief of a check"
    one class name twice         a reader who knows the one takes the other for it

Fields of classes that stand in the JSON of the admin API, or in files, keep their names.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for file in (ROOT / "gtm").rglob("*.py") if not file.is_symlink())
EMPTY_NAMES = frozenset({"found", "one", "said", "words"})
MAY = {("gtm/cli/overrides.py", "said"): "the argument of a command, which its help shows"}
CLAUSE = re.compile(r'"""Returns (what|who|how|why|where|when)\b')
TWICE = {"Node": "of a mesh, of the tree of names (RFC 9499), and of a YAML document: the term of each field"}


def empty_names(source: str) -> list[str]:
    """Returns `LINE: NAME` for each variable and argument of a function whose name says nothing, in order."""
    return [f"{line}: {name}" for line, name in sorted(_bound(ast.parse(source))) if name in EMPTY_NAMES]


def _bound(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.lineno, node.id
                elif isinstance(node, ast.arg):
                    yield node.lineno, node.arg


def clauses(source: str) -> list[str]:
    """Returns `LINE: Returns what` for each docstring that has a clause in the place of a noun."""
    return [
        f"{number}: Returns {match[1]}"
        for number, line in enumerate(source.splitlines(), start=1)
        if (match := CLAUSE.search(line))
    ]


@pytest.mark.slow
def test_names_and_docstrings_say_what_a_thing_is() -> None:
    findings: dict[str, list[str]] = {}
    for file in FILES:
        source, path = file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix()
        names = [entry for entry in empty_names(source) if (path, entry.rpartition(" ")[2]) not in MAY]
        findings[path] = [*names, *clauses(source)]
    assert {path: lines for path, lines in findings.items() if lines} == {}


@pytest.mark.slow
def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict[str, list[str]](list)
    for file in FILES:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file.relative_to(ROOT).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1 and name not in TWICE} == {}


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("def f():\n    found = 1", ["2: found"]),
        ("def f(words): ...", ["1: words"]),
        ("def f():\n    return [one for one in range(3)]", ["2: one"]),
        ("class C:\n    words: str", []),
        ("def f(message): ...", []),
    ],
)
def test_a_name_that_says_nothing_is_found(source: str, finding: list[str]) -> None:
    assert empty_names(source) == finding


def test_a_clause_in_the_place_of_a_noun_is_found() -> None:
    assert clauses('def f():\n    """Returns what is there."""') == ["2: Returns what"]
    assert clauses('def f():\n    """Returns whether it is there."""') == []
