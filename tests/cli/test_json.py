"""`--json`: every command of the tree has it, prints JSON alone on standard output, and exits as without it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from gtm.cli.app import make_app
from gtm.cli.demo.control import listening
from gtm.node.config.shipped import shipped
from tests.admin.served import Served, serving
from tests.cli.command import gtm
from tests.cli.demo.test_control import FakeSwitchboard
from tests.node.present import BROKEN, SMALL

OTHERS = {
    "serve": "its output is the log, which --log-format json makes JSON",
    "probe": "the same",
    "schema": "JSON is all that it prints",
    "completion": "what it prints is for a shell",
}
"""Commands without it, and why."""
ALONE = {"demo": "it runs until Ctrl-C"}


def options(group: TyperGroup, *path: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yields the options of every command that can be run, by how it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from options(command, *path, name)
            if not command.invoke_without_command:
                continue
        yield " ".join((*path, name)), frozenset(text for option in command.params for text in option.opts)


def tree() -> Mapping[str, frozenset[str]]:
    top = get_command(make_app())
    assert isinstance(top, TyperGroup)
    return dict(options(top))


def test_every_command_prints_json_or_says_here_why_not() -> None:
    assert {typed for typed, names in tree().items() if "--json" not in names} == set(OTHERS)


SAY = ("--why", "a fire", "--by", "ann", "--for", "2h", "--token-file", "{token}")
GOOD: Mapping[str, tuple[str, ...]] = {
    "check": ("zones", "--against", "{at}"),
    "bound": ("api",),
    "explain": ("api", "10.2.0.1", "--admin", "{at}"),
    "status": ("--admin", "{at}"),
    "events": ("--admin", "{at}"),
    "failovers": ("--admin", "{at}"),
    "down": ("eu-west", "--admin", "{at}", *SAY),
    "up": ("us-east", "--admin", "{at}", *SAY),
    "drain": ("api/eu-west/192.0.2.2", "--admin", "{at}", *SAY),
    "obey": ("api/us-east/192.0.2.1", "--admin", "{at}", *SAY),
    "overrides": ("--admin", "{at}"),
    "clear": ("eu-west", "--admin", "{at}", "--token-file", "{token}"),
    "reload": ("--admin", "{at}"),
    "keygen": ("new.key",),
    "geodata status": (),
    "geodata lookup": ("10.0.0.1",),
    "geodata verify": ("{database}",),
    "geodata install": ("{database}", "--config", "geo.yaml"),
    "geodata attribution": (),
    "demo stop": ("eu-west",),
    "demo start": ("eu-west",),
    "demo slow": ("eu-west",),
    "demo fail": ("eu-west",),
    "demo status": (),
}
"""How each is run so that it is well, in an order in which all are: what is said is there to be cleared."""
BAD: Mapping[str, tuple[str, ...]] = {
    "check": ("bad",),
    "bound": ("nobodys",),
    "explain": ("nobodys", "10.2.0.1", "--admin", "{at}"),
    "status": ("--admin", "127.0.0.1:1"),
    "events": ("--admin", "127.0.0.1:1"),
    "failovers": ("--admin", "127.0.0.1:1"),
    "down": ("nobodys", "--admin", "{at}", *SAY),
    "up": ("nobodys", "--admin", "{at}", *SAY),
    "drain": ("nobodys", "--admin", "{at}", *SAY),
    "obey": ("nobodys", "--admin", "{at}", *SAY),
    "overrides": ("--admin", "127.0.0.1:1"),
    "clear": ("us-east", "--admin", "{at}", "--token-file", "{token}"),
    "reload": ("--admin", "127.0.0.1:1"),
    "keygen": ("zones",),
    "geodata status": ("--config", "nogeo.yaml"),
    "geodata lookup": ("here",),
    "geodata verify": ("zones/a.yaml",),
    "geodata install": ("zones/a.yaml",),
    "geodata attribution": ("--config", "gone.yaml"),
    "demo stop": ("nobodys",),
    "demo start": ("nobodys",),
    "demo slow": ("nobodys",),
    "demo fail": ("nobodys",),
    "demo status": ("nobodys",),
}
"""How each is run so that it fails."""


def test_every_command_is_run_here() -> None:
    assert set(GOOD) == set(BAD) == set(tree()) - set(OTHERS) - set(ALONE)


@contextmanager
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The control of a demo, served from a thread."""
    begun, ending = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    sock = socket.create_server(("127.0.0.1", 0))
    sock.settimeout(0)

    async def serve() -> None:
        async with listening(FakeSwitchboard(), sock):
            begun.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert begun.wait(30)
        monkeypatch.setattr("gtm.cli.demo.app.CONTROL", f"http://127.0.0.1:{sock.getsockname()[1]}")
        yield
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(30)
        loop.close()


def filled(arguments: tuple[str, ...], node: Served) -> list[str]:
    database = shipped("geodata") / "regions.mmdb"
    return [text.format(at=node.at, token=node.token_file, database=database) for text in arguments]


@pytest.fixture
def place(folder: Path) -> Path:
    """The working folder, with files for what fails, and a database to be replaced."""
    (folder / "bad").mkdir()
    (folder / "bad" / "b.yaml").write_text(BROKEN)
    (folder / "geo.yaml").write_text("geo: {databases: [own.mmdb]}\n")
    (folder / "nogeo.yaml").write_text("geo: {databases: [gone.mmdb]}\n")
    return folder


@pytest.mark.slow
def test_what_is_well_is_one_document_and_nothing_else(
    place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path_factory.mktemp("node"), a=SMALL) as node, demo(monkeypatch):
        for command, arguments in GOOD.items():
            ran = gtm(*command.split(), *filled(arguments, node), "--json")
            assert (ran.code, ran.err) == (0, ""), command
            documents = [json.loads(line) for line in ran.lines] if command == "events" else [json.loads(ran.out)]
            assert all(isinstance(document, dict) for document in documents), command


@pytest.mark.slow
def test_what_fails_exits_as_without_and_prints_json_or_nothing(
    place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path_factory.mktemp("node"), a=SMALL) as node, demo(monkeypatch):
        for command, arguments in BAD.items():
            typed = [*command.split(), *filled(arguments, node)]
            plain, ran = gtm(*typed), gtm(*typed, "--json")
            assert ran.code == plain.code > 0, command
            assert ran.err == plain.err, command
            if ran.out:
                assert isinstance(json.loads(ran.out), dict), command
            else:
                assert ran.err, command
