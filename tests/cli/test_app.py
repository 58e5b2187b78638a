"""The command line as a whole: help, versions, and how errors reach the operator."""

import subprocess
import sys
from pathlib import Path

import pytest

from gtm import __version__
from gtm.cli.app import COMMANDS, GROUPS, make_app
from gtm.node.config import EngineChoice
from gtm.node.engines import make_engine
from tests.cli.command import gtm, gtm_process

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
        ["status", "--admin", "http://127.0.0.1:8053"],
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
    assert ran.err.count("Error") == 1


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
