"""What shells complete: in real shells, with a real node behind a socket or a port."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from tests.admin.served import serving
from tests.admin.test_client import answering
from tests.cli.command import LIMIT_S, WIDE, gtm
from tests.node.present import SMALL

TWO = (
    SMALL.replace("gtm.example.com", "b.example.com")
    .replace("  api:", "  web:")
    .replace("us-east", "us-west")
    .replace("192.0.2.2", '"2001:db8::2"')
)


def shell(program: str, script: str, cwd: Path) -> list[str]:
    """Runs a script in a shell that reads no files of a user; gtm is on its path."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here")
    own = cwd / "bin"
    own.mkdir(exist_ok=True)
    (own / "gtm").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gtm "$@"\n')
    (own / "gtm").chmod(0o755)
    root = str(Path(__file__).parents[2])
    environment = {"PATH": f"{own}:/usr/bin:/bin", "PYTHONPATH": root, "HOME": str(cwd), **WIDE}
    plain = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",), "fish": ("--no-config",)}[program]
    ended = subprocess.run(
        [found, *plain, "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def bash(line: str, cwd: Path) -> list[str]:
    """What bash completes at the end of a line."""
    script = f"""
eval "$(gtm completion bash)"
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
COMP_LINE={line!r} COMP_POINT={len(line)}
_gtm_completion gtm
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return [word for word in shell("bash", script, cwd) if word]


def asked(line: str, folder: Path, *, limit_s: float = LIMIT_S) -> list[str]:
    """What gtm gives for a line, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("gtm.cli.completing.LIMIT_S", limit_s)
        patch.setenv("_GTM_COMPLETE", "complete_fish")
        patch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        patch.setenv("_TYPER_COMPLETE_ARGS", line)
        ran = gtm()
    assert ran.err == ""
    return [line.partition("\t")[0] for line in ran.lines if line]


@pytest.mark.slow
def test_bash_completes_commands_options_and_names(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert bash("gtm over", folder) == ["overrides"]
    assert bash("gtm geodata i", folder) == ["install"]
    assert "--against" in bash("gtm check --a", folder)
    with serving(tmp_path_factory.mktemp("node"), a=SMALL, b=TWO) as node:
        told = ("--why", '"new: switches"', "--admin", node.at)
        for begun, ended in (("us-e", "us-east"), ("web/eu-west/2001:", "db8::2")):
            # a busy machine may have no answer in time, and then there is none
            tries = (bash(f"gtm drain {' '.join(told)} {begun}", folder) for _ in range(5))
            assert next(filter(None, tries), []) == [ended]


@pytest.mark.slow
@pytest.mark.parametrize("program", ["bash", "zsh", "fish"])
def test_each_shell_takes_its_lines(program: str, folder: Path) -> None:
    line = {"bash": 'eval "$(gtm completion bash)"', "fish": "gtm completion fish | source"}
    begin = line.get(program, 'autoload -Uz compinit && compinit -u; eval "$(gtm completion zsh)"')
    end = {"bash": "complete -p gtm", "fish": "complete -C 'gtm over'", "zsh": 'echo "$_comps[gtm]"'}[program]
    (told,) = shell(program, f"{begin}\n{end}", folder)
    assert told.split("\t")[0] in {"complete -o default -F _gtm_completion gtm", "overrides", "_gtm"}


def test_names_of_a_node_are_completed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("node"), a=SMALL, b=TWO) as node:
        at = f"--admin {node.at}"
        regions = {"us-east", "us-west", "gtm.example.com/eu-west", "b.example.com/eu-west"}
        assert set(asked(f"gtm drain {at} ", folder)) == regions | {"api", "web", "gtm.example.com", "b.example.com"}
        assert asked(f"gtm drain {at} api/", folder) == ["api/us-east/192.0.2.1", "api/eu-west/192.0.2.2"]
        assert asked(f"gtm explain {at} a", folder) == ["api"]
        assert asked(f"gtm reload {at} --force b", folder) == ["b.example.com"]
        assert asked(f"gtm events {at} --region e", folder) == ["eu-west"]
        said = gtm("drain", "us-east", "--why", "x", "--admin", node.at, "--token-file", str(node.token_file))
        assert said.code == 0
        ids = asked(f"gtm clear {at} ", folder)
        assert "gtm.example.com/us-east" in ids
        assert any(text.startswith("ns1:") for text in ids)


NESTED = b"[" * 100_000


@pytest.mark.parametrize(
    ("status", "completed"),
    [
        (b'{"zones": [{"zone": "a", "shared_regions": [["us"], {}]}]}', []),
        (b'{"services": [7], "zones": null}', []),
        (b'{"zones": [{"zone": 7}]}', []),
        (b'{"zones": ' + NESTED, []),
        (b'{"other": ' + NESTED, []),
        (b"\xff", []),
        (b"[]", []),
        (b'{"zones": [{"zone": "--why"}, {"zone": "a b"}, {"zone": "b\\n"}, {"zone": "c", "new": [1]}]}', ["c"]),
    ],
)
def test_whatever_answers_nothing_but_names_is_printed(status: bytes, completed: list[str], folder: Path) -> None:
    """In this process a thread that fails is a test that fails."""
    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(status)
    with answering(head + status) as port:
        assert asked(f"gtm drain --admin 127.0.0.1:{port} ", folder, limit_s=LIMIT_S) == completed


@pytest.mark.parametrize(
    ("shared", "completed"),
    [({"a", "b"}, ["us"]), ({"a"}, ["a/us", "b/us"]), (frozenset(), ["a/us", "b/us"])],
)
def test_a_region_of_several_zones_is_completed_as_commands_take_it(
    shared: AbstractSet[str], completed: list[str], folder: Path
) -> None:
    status = {
        "services": [{"zone": zone, "endpoints": [{"region": "us"}]} for zone in "ab"],
        "zones": [{"zone": zone, "shared_regions": ["us"] if zone in shared else []} for zone in "ab"],
    }
    body = json.dumps(status).encode()
    with answering(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body) as port:
        words = asked(f"gtm drain --admin 127.0.0.1:{port} ", folder, limit_s=LIMIT_S)
    assert [word for word in words if "us" in word] == completed


def test_a_large_answer_is_read_as_far_as_it_is_completed(folder: Path) -> None:
    status = b'{"zones": [{"zone": "a"}], "new": [' + b"[]," * 1_000_000 + b"[]]}"
    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(status)
    with answering(head + status) as port:
        assert asked(f"gtm drain --admin 127.0.0.1:{port} ", folder, limit_s=LIMIT_S) == ["a"]


def test_where_no_node_answers_nothing_is_said(folder: Path) -> None:
    assert asked("gtm drain --admin 127.0.0.1:1 ", folder) == []
    assert asked("gtm drain --admin https://127.0.0.1:1 ", folder) == []
    assert asked("gtm drain --admin nonsense ", folder) == []
    assert asked("gtm drain --config gone.yaml ", folder) == []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert asked(f"gtm drain --admin 127.0.0.1:{silent.getsockname()[1]} ", folder, limit_s=0.05) == []


def test_zones_are_those_of_the_folder_where_no_node_tells_its_own(folder: Path) -> None:
    assert asked("gtm reload --admin 127.0.0.1:1 --force ", folder) == ["gtm.example.com"]


def test_a_name_that_a_shell_could_run_is_left_out(folder: Path) -> None:
    (folder / "zones" / "b.yaml").write_text('zone: "$(reboot)"\n')
    assert asked("gtm reload --admin 127.0.0.1:1 --force ", folder) == ["gtm.example.com"]
