"""The command line as a whole: help, versions, and how errors reach the operator."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

from gtm import __version__
from gtm.cli.app import make_app, make_list
from gtm.cli.commands import COMMANDS, GROUPS
from gtm.node.config.model import EngineChoice
from gtm.node.engines import make_engine
from tests.cli.command import WIDE, gtm, gtm_process

NAMES = [*COMMANDS, *GROUPS]
GEODATA = ["status", "lookup", "verify", "install", "attribution"]


def test_the_help_names_every_command() -> None:
    ran = gtm("--help")
    assert gtm("-h") == ran
    assert ran.code == 0
    assert all(f" {command} " in ran.out for command in NAMES)
    assert "every client gets the closest healthy region" in ran.out


@pytest.mark.parametrize("command", [[each] for each in NAMES] + [["geodata", each] for each in GEODATA])
def test_every_command_has_help(command: list[str]) -> None:
    ran = gtm(*command, "--help")
    assert gtm(*command, "-h") == ran
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: gtm" in ran.out
    assert "--help" in ran.out


def test_no_command_at_all_shows_the_help() -> None:
    for arguments in ([], ["geodata"]):
        ran = gtm(*arguments)
        assert "Usage: gtm" in ran.out + ran.err
        assert ran.code in {0, 2}


def test_the_version_names_the_engine() -> None:
    ran = gtm("--version")
    assert (ran.code, ran.out) == (0, f"gtm {__version__}, {make_engine(EngineChoice.AUTO).name} engine\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["serv"],
        ["--nonsense"],
        ["explain"],
        ["explain", "api.example.com"],
        ["explain", "api.example.com", "10.0.0.1", "--client", "10.0.0.1"],
        ["explain", "api.example.com", "--client", "nobody"],
        ["explain", "a..b", "--client", "10.0.0.1"],
        ["explain", "api.example.com", "--client", "10.0.0.1", "--type", "nothing"],
        ["status", "--admin", "here"],
        ["status", "--admin", "127.0.0.1:0"],
        ["status", "--admin", "ftp://127.0.0.1:8053"],
        ["status", "--admin", "http://127.0.0.1:8053/v1"],
        ["reload", "--admin", "127.0.0.1:99999"],
        ["serve", "--listen", "localhost:53"],
        ["serve", "--listen", "127.0.0.1"],
        ["serve", "--listen", "::1:53"],
        ["serve", "--admin", "127.0.0.1:x"],
        ["serve", "--engine", "magic"],
        ["keygen"],
        ["geodata", "lookup", "here"],
        ["geodata", "verify"],
    ],
)
def test_a_wrong_command_line_ends_with_2_and_one_message(arguments: list[str], folder: Path) -> None:
    ran = gtm(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.startswith("Error: ")
    assert len(ran.err.splitlines()) == 1


def wrong_of(group: TyperGroup, *path: str) -> Iterator[tuple[str, ...]]:
    """Yields wrong command lines for every command: an option that it has not, one without its value, one word more."""
    for name, command in group.commands.items():
        typed = (*path, name)
        if isinstance(command, TyperGroup):
            yield from wrong_of(command, *typed)
        yield (*typed, "--nonsense")
        yield from ((*typed, param.opts[0]) for param in command.params if takes_value(param))
        if all(param.nargs == 1 for param in command.params):
            yield (*typed, *["zones"] * (len(command.params) + 1))


def takes_value(param: object) -> bool:
    return isinstance(param, TyperOption) and not param.is_flag


@pytest.mark.slow
def test_every_command_tells_a_wrong_command_line_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = get_command(make_app())
    assert isinstance(top, TyperGroup)
    monkeypatch.setattr("gtm.cli.app.make_app", lambda _only: get_command(make_app()))  # each is loaded once
    wrong = list(wrong_of(top))
    for typed in wrong:
        ran = gtm(*typed)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1), typed
        assert ran.err.startswith("Error: "), typed
        assert f"; see: gtm {typed[0]}" in ran.err, typed
    assert len(wrong) > 100


@pytest.mark.parametrize("typed", [["serv"], ["geodata", "statsu"], ["drain", "eu-west"], ["completion", "csh"]])
def test_a_refusal_says_where_more_is_told_and_is_not_cut_at_a_narrow_terminal(
    typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = gtm(*typed)
    monkeypatch.setitem(WIDE, "COLUMNS", "5")
    assert gtm(*typed) == wide
    known = [typed[0]] if typed[0] in NAMES else []
    assert wide.err.endswith(f"; see: {' '.join(['gtm', *known])} -h\n")
    assert "Value error" not in wide.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("closed", "typed", "code"),
    [(1, "check zones", 0), (1, "nonsense", 2), (2, "keygen", 2), (1, "--help", 0)],
)
def test_a_stream_that_the_shell_has_closed_changes_nothing_else(
    folder: Path, closed: int, typed: str, code: int
) -> None:
    command = ["sh", "-c", f'exec "$0" -m gtm {typed} {closed}>&-', sys.executable]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "bad.yaml:1:1: cannot be read: No such file or directory"),
        (b"\xff", "bad.yaml:1:1: cannot be read: not UTF-8"),
        (
            b"nod: a\nroles: [dsn]\n",
            (
                'bad.yaml:1:1: unknown key "nod"; did you mean "node"?\n'
                'bad.yaml:2:9: unknown role "dsn"; did you mean "dns"?'
            ),
        ),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["probe"],
        ["check"],
        ["status"],
        ["reload"],
        ["explain", "a.example", "--client", "10.0.0.1"],
        ["geodata", "status"],
        ["geodata", "lookup", "10.0.0.1"],
        ["geodata", "install", "x.mmdb"],
        ["geodata", "attribution"],
    ],
)
def test_a_bad_node_file_is_told_by_every_command_that_reads_one(
    folder: Path, command: list[str], content: bytes | None, words: str
) -> None:
    if content is not None:
        (folder / "bad.yaml").write_bytes(content)
    ran = gtm(*command, "--config", "bad.yaml")
    assert (ran.code, ran.out, ran.err) == (1, "", words + "\n")


@pytest.mark.slow
def test_the_node_file_can_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "gtm", "check"]
    (folder / "other.yaml").write_text("zones: nowhere\n")
    ended = subprocess.run(command, env={"GTM_CONFIG": "other.yaml"}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (
        1,
        "nowhere: the folder cannot be read: No such file or directory\n",
    )


@pytest.mark.slow
def test_it_runs_as_a_module_and_ends_with_the_codes_of_the_command(folder: Path) -> None:
    assert gtm_process("--version", cwd=folder).code == 0
    assert gtm_process("check", "nowhere", cwd=folder).code == 1
    assert gtm_process("serve", "--listen", "x", cwd=folder).code == 2


@pytest.mark.slow
def test_a_reader_that_goes_away_gets_no_traceback(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gtm", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert b"Traceback" not in err
    assert process.returncode == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("command", [["check", "zones"], ["schema"], ["--help"], ["--version"]])
def test_an_output_that_cannot_be_written_is_one_message(folder: Path, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "gtm", *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, "the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_is_asked_for_is_the_only_one_that_is_loaded(name: str) -> None:
    made = make_app(name)
    assert len(made.registered_commands) + len(made.registered_groups) == 1
    ran = gtm(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: gtm {name}" in ran.out


def test_the_help_shows_of_each_command_what_its_own_help_says_first() -> None:
    whole, listed = get_command(make_app()), get_command(make_list())
    assert isinstance(whole, TyperGroup)
    assert isinstance(listed, TyperGroup)
    first = {name: " ".join((command.help or "").split("\n\n")[0].split()) for name, command in whole.commands.items()}
    assert {name: command.help for name, command in listed.commands.items()} == first


@pytest.mark.slow
def test_the_help_loads_no_command() -> None:
    code = (
        "import atexit, sys; from gtm.cli.app import main; atexit.register(lambda: print(*sorted(sys.modules)));"
        "sys.argv = ['gtm', '--help']; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    wheres = {command.where.partition(":")[0] for command in (*COMMANDS.values(), *GROUPS.values())}
    assert "gtm.cli.app" in loaded
    assert loaded.isdisjoint({*wheres, "aiohttp", "numpy", "pydantic"})


@pytest.mark.parametrize("first", ["", "--help", "nonsense"])
def test_without_a_command_all_are_known(first: str) -> None:
    made = make_app(first)
    assert [command.name for command in made.registered_commands] == list(COMMANDS)
    assert [group.name for group in made.registered_groups] == list(GROUPS)


@pytest.mark.slow
def test_a_start_loads_nothing_that_only_other_commands_need() -> None:
    code = "import gtm.cli.run, sys; print([name for name in ('aiohttp', 'numpy', 'rich') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["nonsense"], 2)])
def test_a_process_with_threads_at_work_ends_at_once_and_keeps_its_status(arguments: list[str], status: int) -> None:
    code = (
        "import atexit, sys, threading, time; from gtm.cli.app import run; atexit.register(print, 'taken down');"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start();"
        f"sys.argv = {['gtm', *arguments]}; run()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert "gtm" in ended.stdout + ended.stderr
    assert "taken down" not in ended.stdout
