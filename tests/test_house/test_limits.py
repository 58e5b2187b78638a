"""What a reviewer would say of any change: a file too long, a dependency without its reason."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
LONG_BECAUSE = re.compile(r"\bLong because \w+")
"""A file past MAX_LINES says so in its first lines: `Long because ...`."""
FOLDERS = ("gtm", "tests", "docs", "bench", "dataplane")
SUFFIXES = (".py", ".md", ".rs")


def too_long(text: str) -> bool:
    """Returns whether a file is past the limit without a reason near its head."""
    lines = text.splitlines()
    return len(lines) > MAX_LINES and not LONG_BECAUSE.search("\n".join(lines[:30]))


def without_reason(pyproject: str) -> list[str]:
    """Returns the dependencies, of the program and of its tools, whose line has no comment."""
    project = tomllib.loads(pyproject)["project"]
    required = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    return [name for name in required if not re.search(rf'"{re.escape(name)}",\s*# \w', pyproject)]


def test_no_file_is_long_without_a_reason() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES]
    files = [file for file in files if "target" not in file.relative_to(ROOT).parts]
    assert {file.suffix for file in files} == set(SUFFIXES)
    assert [str(file.relative_to(ROOT)) for file in files if too_long(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("\n" * 400, False), ("\n" * 401, True), ('"""Long because it is one table.\n' + "\n" * 401, False)],
    ids=["at the limit", "past it", "past it with a reason"],
)
def test_a_long_file_needs_a_reason(text: str, verdict: bool) -> None:  # noqa: FBT001
    assert too_long(text) is verdict


def test_every_dependency_says_why_it_is_there() -> None:
    assert without_reason((ROOT / "pyproject.toml").read_text()) == []


def test_a_dependency_without_a_reason_is_found() -> None:
    text = '[project]\ndependencies = [\n  "a>=1",  # because\n  "b",\n]\noptional-dependencies = {dev = ["c"]}\n'
    assert without_reason(text) == ["b", "c"]


def test_python_is_at_least_3_11_wherever_it_is_said() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == ">=3.11"
    assert settings["tool"]["ruff"]["target-version"] == "py311"
    assert "(3, 11)" in (ROOT / "Makefile").read_text()
