"""The pages tell the truth: links lead somewhere, and the commands they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from tests.test_house.pages import Command, anchors, commands, relative_links

ROOT = Path(__file__).parents[2]
FLAT = (ROOT, ROOT / "docker", ROOT / "findings", ROOT / "geodata")
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(page for folder in FLAT for page in folder.glob("*.md"))])


def each_page() -> Iterator[tuple[Path, str]]:
    """Yields each page and its text."""
    for page in PAGES:
        yield page, page.read_text(encoding="utf-8")


def test_links_lead_to_what_exists() -> None:
    assert PAGES
    broken = [
        (str(page), link)
        for page, text in each_page()
        for link in relative_links(text)
        if not _leads_somewhere(page, link)
    ]
    assert broken == []


def test_commands_exist_in_the_cli() -> None:
    from gtm.cli.app import app  # noqa: PLC0415  # the other tests of this file do not need the program

    cli = _subcommands(app)
    wrong = [
        (str(page), unknown)
        for page, text in each_page()
        for command in commands(text)
        for unknown in _unknown(cli, command)
    ]
    assert wrong == []


def test_tests_and_sources_that_are_named_exist() -> None:
    """`tests/flow/test_disk.py`, or `test_disk.py` beside it; `gtm/files.py`."""
    named = [
        (str(page), file)
        for page, text in each_page()
        for file in re.findall(r"`((?:(?:gtm|tests)/[\w/]+|test_\w+)\.py)`", text)
    ]
    missing = [(page, file) for page, file in named if not any(ROOT.glob(file if "/" in file else f"tests/*/{file}"))]
    assert missing == []


@pytest.mark.parametrize("folder", ["admin", "node", "plan"])
def test_how_it_flows_names_every_file_that_decides_or_joins(folder: str) -> None:
    text = (ROOT / "docs" / "flow.md").read_text(encoding="utf-8")
    files = {file.relative_to(ROOT).as_posix() for file in (ROOT / "gtm" / folder).glob("*.py")}
    named = {link.removeprefix("../") for link in relative_links(text)}
    assert files - named - {f"gtm/{folder}/__init__.py"} == set()


def test_links_are_read() -> None:
    text = "[a](docs/a.md), [b](https://example.com), [c](#top)\n```\n[d](d.md)\n```\n"
    assert relative_links(text) == ["docs/a.md", "#top"]


def test_anchors_are_read() -> None:
    assert anchors("# One `gtm.yaml`\n\n```sh\n# no heading\n```\n## Two, three\n") == {"one-gtmyaml", "two-three"}


def test_commands_are_read() -> None:
    fence = "```sh\n$ gtm check zones --json  # all errors\n.venv/bin/gtm demo stop eu-west\ngtm.yaml\n```\n"
    assert commands(fence + "`gtm serve [--zones DIR]...` and `gtm NS ns1.example.com.`") == [
        Command(("check", "zones"), ("--json",)),
        Command(("demo", "stop", "eu-west"), ()),
        Command(("serve",), ("--zones",)),
    ]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (Command(("check", "zones"), ("--json",)), []),
        (Command(("demo",), ()), []),
        (Command(("demo", "stop", "eu-west"), ()), []),
        (Command(("explode",), ()), ["gtm explode"]),
        (Command(("demo", "explode"), ()), ["gtm demo explode"]),
        (Command(("check",), ("--jsno",)), ["gtm check --jsno"]),
    ],
)
def test_what_the_cli_lacks_is_found(command: Command, wrong: list[str]) -> None:
    cli = {"gtm": set[str](), "gtm check": {"--json"}, "gtm demo": set[str](), "gtm demo stop": set[str]()}
    assert _unknown(cli, command) == wrong


def test_subcommands_of_subcommands_are_found() -> None:
    app, demo = typer.Typer(), typer.Typer()
    app.add_typer(demo, name="demo")

    @demo.command()
    def stop(region: str, *, now: bool = False) -> None: ...

    @demo.command()
    def start(region: str) -> None: ...

    cli = _subcommands(app)
    assert sorted(cli) == ["gtm", "gtm demo", "gtm demo start", "gtm demo stop"]
    assert "--now" in cli["gtm demo stop"]
    assert "--now" not in cli["gtm demo start"]


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target.read_text(encoding="utf-8")))


def _subcommands(app: typer.Typer) -> dict[str, set[str]]:
    """Returns every command of the CLI as people type it, and its options."""
    found: dict[str, set[str]] = {}
    waiting = [("gtm", typer.main.get_command(app))]
    while waiting:
        said, node = waiting.pop()
        found[said] = {"--help", *(name for option in node.params for name in (*option.opts, *option.secondary_opts))}
        if isinstance(node, TyperGroup):
            waiting += [(f"{said} {name}", child) for name, child in node.commands.items()]
    return found


def _unknown(cli: dict[str, set[str]], command: Command) -> list[str]:
    """Returns what of this command the CLI does not have, as people would type it."""
    said = "gtm"
    for word in command.words:
        if not any(known.startswith(f"{said} ") for known in cli):
            break  # the words of a command without subcommands are its arguments
        said = f"{said} {word}"
        if said not in cli:
            return [said]
    return [f"{said} {option}" for option in command.options if option not in cli[said]]
