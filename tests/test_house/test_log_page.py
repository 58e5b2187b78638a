"""docs/reference/ has every event with its facts, and every field of the log as JSON; and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gtm.event import EventKind
from tests.test_house.sources import sources

ROOT = Path(__file__).parents[2]
LOG = (ROOT / "docs" / "reference" / "log.md").read_text(encoding="utf-8")
EVENTS = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")


def trees(*words: str) -> list[ast.Module]:
    """The code of the files that have one of these words."""
    return [ast.parse(source) for _, source in sources(words)]


def rows(page: str, heading: str) -> list[tuple[str, str]]:
    """The rows of the table of a heading, by their first two columns."""
    section = page.partition(heading)[2].partition("\n## ")[0]
    return [(cells[1], cells[2]) for line in section.splitlines() if len(cells := line.split("|")) == 4][2:]


def coded(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def keys_in(node: ast.AST) -> Iterator[str]:
    """The names that the literals of dicts in some code have."""
    for one in ast.walk(node):
        if isinstance(one, ast.Dict):
            yield from (key.value for key in one.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "_fact":
            name = ast.literal_eval(one.args[0])
            yield from (str(name), f"{name!s}_count")


def facts_in(tree: ast.AST) -> Iterator[str]:
    """The facts that events get: what is called `facts` where they are made, or is the fourth part of an event."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name("facts")], value=value) | ast.AugAssign(ast.Name("facts"), value=value):
                yield from keys_in(value)
            case ast.AnnAssign(target=ast.Name("facts"), value=ast.expr() as value):
                yield from keys_in(value)
            case ast.FunctionDef(name="facts"):
                yield from keys_in(node)
            case ast.Call(func=ast.Name("Event"), args=[_, _, _, facts, *_]):
                yield from keys_in(facts)


def fields_in(tree: ast.AST) -> Iterator[str]:
    """The fields that records of the log get."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "extra":
            yield from keys_in(node.value)


def test_each_event_is_on_the_page() -> None:
    named = [name for first, _ in rows(EVENTS, "## Facts") for name in coded(first)]
    assert sorted(set(named)) == sorted(kind.value for kind in EventKind)


def test_each_fact_of_events_is_on_the_page() -> None:
    documented = {name for _, second in rows(EVENTS, "## Facts") for name in coded(second)}
    assert documented == {name for tree in trees("facts", "Event(") for name in facts_in(tree)}


def test_each_field_of_the_log_is_on_the_page() -> None:
    documented = {name for first, _ in rows(LOG, "## JSON") for name in coded(first)}
    assert documented == {name for tree in trees("extra") for name in fields_in(tree)} | {"event", "subject"}
