import json
import logging
import subprocess
from pathlib import Path

import pytest

from gtm.cli.log import log_to_stderr
from tests.cli.logged import logged, logged_to
from tests.fakes.cluster import gtm

log = logging.getLogger("gtm.test")


def journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a file be what systemd says that its journal reads."""
    path.touch()
    status = path.stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")


def test_lines_for_the_journal_begin_with_their_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "stderr"
    journal(path, monkeypatch)
    with path.open("w") as opened, logged_to(opened):
        log.info("fine")
        log.warning("look")
        try:
            raise ValueError("a\nb")
        except ValueError:
            log.exception("broken")
        log.critical("over")
    info, warning, error, *trace, last = path.read_text().splitlines()
    assert info.startswith("<6>2")
    assert info.endswith("Z INFO fine")
    assert warning.startswith("<4>2")
    assert error.startswith("<3>2")
    assert trace[0] == "<3>    Traceback (most recent call last):"
    assert trace[-1] == "<3>    b"
    assert last.startswith("<2>2")


def test_another_standard_error_than_the_journals_has_no_priorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(tmp_path / "elsewhere", monkeypatch)
    with (tmp_path / "stderr").open("w") as opened, logged_to(opened):
        log.info("fine")
    assert (tmp_path / "stderr").read_text().startswith("2")


def test_the_log_can_be_set_up_again_without_lines_that_come_twice() -> None:
    with logged() as stream:
        log_to_stderr()
        log.info("once")
    assert len(stream.getvalue().splitlines()) == 1


def started(folder: Path, *options: str, node_file: str = "") -> "subprocess.CompletedProcess[str]":
    """Runs `gtm serve` with a zone folder that has nothing to serve, so that it ends."""
    (folder / "zones").mkdir(exist_ok=True)
    (folder / "zones" / "a.yaml").write_text("zone: gtm.example.com\nnope: 1\n")
    (folder / "gtm.yaml").write_text(
        f'listen: {{dns: ["127.0.0.1:0"], admin: "127.0.0.1:0"}}\nengine: reference\n{node_file}'
    )
    return gtm("serve", "--config", "gtm.yaml", *options, folder=folder)


@pytest.mark.slow
def test_why_a_node_does_not_start_is_an_object_as_all_its_lines(tmp_path: Path) -> None:
    for options, node_file in (("--log-format", "json"), ""), ((), "log: {format: json}"):
        ran = started(tmp_path, *options, node_file=node_file)
        assert (ran.returncode, ran.stdout) == (1, "")
        records = [json.loads(line) for line in ran.stderr.splitlines()]
        last = records[-1]
        assert last["level"] == "CRITICAL"
        assert 'unknown key "nope"' in "".join(record["message"] for record in records)


@pytest.mark.slow
def test_a_mistake_in_the_node_file_is_an_object_where_the_command_asks_for_it(tmp_path: Path) -> None:
    ran = started(tmp_path, "--log-format", "json", node_file="log: {level: loud}")
    assert ran.returncode == 1
    [record] = [json.loads(line) for line in ran.stderr.splitlines()]
    assert record["message"].startswith('gtm.yaml:3:14: unknown log level "loud"')


@pytest.mark.slow
def test_the_level_of_the_command_line_comes_before_that_of_the_node_file(tmp_path: Path) -> None:
    quiet = started(tmp_path, node_file="log: {level: error}")
    loud = started(tmp_path, "--log-level", "debug", node_file="log: {level: error}")
    assert " INFO " not in quiet.stderr
    assert " INFO " in loud.stderr
