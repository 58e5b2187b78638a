"""Files of a Rust crate use each other in one direction, as rooms do: no file leads back to itself."""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

CRATES = Path(__file__).parents[2] / "dataplane"
INLINE = re.compile(
    r"^( *)(#\[cfg\(test\)\]\n(?:\1#\[.*\]\n)*\1)?(?:pub )?mod \w+ \{\n.*?^\1\}", re.MULTILINE | re.DOTALL
)
"""A module within a file; rustfmt closes it where it opened. Group 2: it is for tests alone."""
COMMENT = re.compile(r"//.*")
PATH = re.compile(r"\b(crate|self|super)((?:::super)*)::((?:\w+::)*\w+)")
GROUP = re.compile(r"\b(crate|self|super)((?:::super)*)::((?:\w+::)*)\{([^;]*)\}", re.DOTALL)
"""`use crate::{tcp, udp};`"""
OWN = re.compile(r"^(?:pub )?use (\w+)::", re.MULTILINE)
"""`use conversation::Next;`, of a module below this one."""

Files = Mapping[tuple[str, ...], str]
"""The text of each file by its path of modules; the root of a crate is ()."""


def _paths(text: str) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Returns of each path where it starts, so many modules above, and its names."""
    for start, above, names in PATH.findall(text):
        yield start, above.count("super"), tuple(names.split("::"))
    for start, above, before, members in GROUP.findall(text):
        for name in re.findall(r"(?:^|[{,])\s*(\w+)", members):
            yield start, above.count("super"), (*before.split("::")[:-1], name)
    for name in OWN.findall(text):
        yield "self", 0, (name,)


def used(module: tuple[str, ...], text: str, files: Files) -> set[tuple[str, ...]]:
    """Returns the files that one uses, without its tests."""

    def of_file(match: re.Match[str]) -> str:
        return "" if match[2] else match[0].replace("super::", "self::")

    text = INLINE.sub(of_file, COMMENT.sub("", text))
    found = set()
    for start, above, names in _paths(text):
        base = {"crate": (), "self": module, "super": module[:-1]}[start]
        path = (*base[: len(base) - above], *names)
        while path not in files:
            path = path[:-1]
        found.add(path)
    return found - {module}


def circle(files: Files) -> list[tuple[str, ...]]:
    """Returns the files of a circle, or nothing."""
    try:
        TopologicalSorter({module: used(module, text, files) for module, text in files.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def of_crate(source: Path) -> dict[tuple[str, ...], str]:
    """Returns the files of a crate."""
    return {
        () if file.name == "lib.rs" else file.relative_to(source).with_suffix("").parts: file.read_text()
        for file in source.rglob("*.rs")
    }


SOURCES = sorted(file.parent for file in CRATES.glob("**/src/lib.rs") if "target" not in file.parts)


def test_there_are_crates_to_look_at() -> None:
    assert len(SOURCES) == 4


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.parent.name)
def test_files_of_a_crate_use_each_other_in_one_direction(source: Path) -> None:
    assert circle(of_crate(source)) == []


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("use crate::b::B;", "use crate::a::A;", True),
        ("use crate::{b, c};", "use crate::{\n    a::A,\n};", True),
        ("fn f() { crate::b::g() }", "use super::a::A;", True),
        ("use crate::b::B;", "", False),
        ("use crate::b::B;", "// use crate::a::A;", False),
        ("use crate::b::B;", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n", False),
        ("use crate::b::B;", "mod inner {\n    use super::B;\n    use crate::a::A;\n}\n", True),
        ("use crate::b::B;", "mod inner {\n    use super::B;\n}\n", False),
    ],
)
def test_a_circle_is_found_by_whatever_closes_it(a: str, b: str, verdict: bool) -> None:  # noqa: FBT001
    assert bool(circle({(): "mod a;\nmod b;\n", ("a",): a, ("b",): b, ("c",): ""})) is verdict


def test_a_file_and_the_one_above_it_are_a_circle_when_each_uses_the_other() -> None:
    files = {(): "mod a;", ("a",): "mod inner;\nuse inner::Inner;\npub struct A;", ("a", "inner"): "use super::A;"}
    assert circle(files)
    assert not circle({**files, ("a", "inner"): "pub struct Inner;"})
