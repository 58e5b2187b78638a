"""The node file of a running node, read again: it is taken whole, or not at all."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.cli.options import read_config
from gtm.ids import NodeName
from gtm.node.config.changes import NodeFileReread
from gtm.node.config.log_options import LogChoice, LogLevel
from gtm.node.config.model import NodeConfig
from gtm.node.events.recorder import EventRecorder
from gtm.node.node_file_reload import NodeFile, NodeReload
from gtm.share.keys import save_key
from tests.fakes.clock import FakeClock
from tests.fakes.journal import KeptEvents
from tests.fakes.peers import key_of

GOOD = "node: ns1\nzones: zones\nstate: state\nshare: {key: ns1.key}\n"


class Running:
    """A node file on disk, and a node that reads it again."""

    def __init__(self, folder: Path) -> None:
        self.path, self.kept = folder / "gtm.yaml", KeptEvents()
        self.path.write_text(GOOD)
        save_key(folder / "ns1.key", key_of("ns1"))
        self.taken: list[NodeConfig] = []
        self.relogged: list[LogChoice] = []
        self.read: Callable[[], NodeConfig] = self._read
        self.faults: list[Exception | None] = []
        """What taking ends with, one after the other."""
        self.clock = FakeClock()

    def _read(self) -> NodeConfig:
        return read_config(self.path)

    async def take(self, config: NodeConfig) -> None:
        self.taken.append(config)
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault

    def reread(self, *texts: str) -> list[NodeReload]:
        """What a node says that reads these files one after the other."""

        async def story() -> list[NodeReload]:
            self.file = NodeFile(
                read_config(self.path),
                NodeFileReread(self.read, self.relogged.append),
                key=key_of("ns1").public,
                take=self.take,
                recorder=EventRecorder(self.kept, NodeName("ns1")),
                clock=self.clock,
            )
            found = []
            for text in texts:
                self.path.write_text(text)
                found.append(await self.file.reread())
            return found

        return asyncio.run(story())


def test_what_is_new_is_taken_told_and_an_event(tmp_path: Path) -> None:
    running = Running(tmp_path)
    [found] = running.reread(GOOD + "watch: {most_lost: 1}\nlog: {level: error}\nthreads: 3\n")
    assert found == NodeReload(("node file: taken: watch.most_lost; log", "node file: needs a restart: threads"))
    [config] = running.taken
    assert (config.most_lost, config.threads) == (1.0, None)
    assert [choice.level for choice in running.relogged] == [LogLevel.ERROR]
    assert running.kept.one("config.applied").facts == {"taken": ("watch.most_lost", "log"), "restart": ("threads",)}


def test_a_mistake_changes_nothing_and_is_told_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    running = Running(tmp_path)
    bad = GOOD + "watch: {most_lost: 1}\nquorum: {voters: 0}\n"
    first, second = running.reread(bad, bad)
    assert running.taken == []
    assert first == second
    assert first.problems[0].startswith(f"{running.path}:6:18: ")
    assert running.file.problems == first.problems
    assert caplog.messages == [f"node file: {first.problems[0]}"], "once: anybody who reaches the admin API may ask"
    assert running.kept.kinds == ["config.rejected"], "once"


def test_after_a_mistake_the_mended_file_is_taken(tmp_path: Path) -> None:
    running = Running(tmp_path)
    bad, good = running.reread("node: [", GOOD + "watch: {most_lost: 1}\n")
    assert bad.problems
    assert good.lines == ("node file: taken: watch.most_lost",)
    assert running.file.problems == ()
    assert len(running.taken) == 1


@pytest.mark.parametrize("damage", ["gone", "folder", "bytes"])
def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path, damage: str) -> None:
    running = Running(tmp_path)

    def read() -> NodeConfig:
        if damage == "bytes":
            running.path.write_bytes(b"\xff\xfe")
        else:
            running.path.unlink()
        if damage == "folder":
            running.path.mkdir()
        return read_config(running.path)

    running.read = read
    [found] = running.reread(GOOD)
    assert "cannot be read: " in found.problems[0]
    assert running.taken == []


def test_a_disk_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.node.node_file_reload.READ_LIMIT_S", 0.01)
    running, released = Running(tmp_path), threading.Event()

    def read() -> NodeConfig:
        released.wait(20)
        return read_config(running.path)

    running.read = read
    try:
        [found] = running.reread(GOOD)
    finally:
        released.set()
    assert found.problems[0].startswith("the node file cannot be read: its disk did nothing")


def test_a_list_with_another_key_for_this_node_is_not_taken(tmp_path: Path) -> None:
    running = Running(tmp_path)
    other, own = key_of("other").public, key_of("ns1").public
    listed = 'node: ns1\nzones: zones\nstate: state\nshare: {{key: ns1.key, peers: [{{node: ns1, key: "{}"}}]}}\n'
    refused, taken = running.reread(listed.format(other), listed.format(own))
    assert refused.problems[0].startswith("share.peers lists this node, ns1, with another key than its own")
    assert taken == NodeReload(("node file: taken: share.peers",))


def test_a_key_file_that_was_replaced_needs_a_restart(tmp_path: Path) -> None:
    running = Running(tmp_path)
    (tmp_path / "ns1.key").unlink()
    save_key(tmp_path / "ns1.key", key_of("next"))
    [found] = running.reread(GOOD)
    assert found.lines == ("node file: needs a restart: the key in the file of share.key is another one",)


def test_a_key_file_that_is_gone_is_told_and_keeps_nothing_from_being_taken(tmp_path: Path) -> None:
    running = Running(tmp_path)
    (tmp_path / "ns1.key").unlink()
    [found] = running.reread(GOOD + "watch: {most_lost: 1}\n")
    assert found.lines == ("node file: taken: watch.most_lost",)
    (problem,) = found.problems
    assert problem.startswith(f"node file: share.key: {tmp_path / 'ns1.key'}: No such file or directory")
    assert problem.endswith("; the node would not start with this node file")


@pytest.mark.parametrize(
    ("edit", "waits", "named"),
    [
        (("ns1.key", "nope.key"), "needs a restart: share.key", "share.key: {}/nope.key: No such file"),
        (
            ("zones: z", "listen: {tls: {certificate: c, key: k}}\nzones: z"),
            "needs a restart: listen.tls",
            "listen.tls: {}/c",
        ),
        (("key: n", "tls: {ca: roots}, key: n"), "needs a restart: share", "share.tls: {}/roots: No such file"),
        (
            ("key: n", "mode: etcd, etcd: {endpoints: ['https://127.0.0.1:1'], user: u, password_file: p}, key: n"),
            "needs a restart: share",
            "share.etcd.password_file: {}/p: no password",
        ),
        (
            ("zones: z", "overrides: {tokens: {ci: {file: t}}}\nzones: z"),
            "taken: overrides",
            "overrides.tokens.ci: {}/t: No such",
        ),
    ],
)
def test_a_file_that_is_not_there_is_a_problem_before_the_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, edit: tuple[str, str], waits: str, named: str
) -> None:
    running = Running(tmp_path)
    wrong, again, good = running.reread(*[GOOD.replace(*edit)] * 2, GOOD)
    assert any(line.startswith(f"node file: {waits}") for line in wrong.lines)
    (problem,) = wrong.problems
    assert problem.startswith(f"node file: {named.format(tmp_path)}")
    assert problem.endswith(
        "; nobody gets in with it" if "tokens" in edit[1] else "; the node would not start with this node file"
    )
    assert again.problems == wrong.problems, "until it is mended"
    assert good.problems == ()
    assert problem in caplog.messages


@pytest.mark.parametrize("lines", ["problems", "restart"])
def test_the_same_is_logged_again_after_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture, lines: str) -> None:
    running = Running(tmp_path)
    text = GOOD + ("quorum: {voters: 0}\n" if lines == "problems" else "threads: 3\n")

    def read() -> NodeConfig:
        running.clock.advance(25.0)
        return read_config(running.path)

    running.read = read
    found = running.reread(*[text] * 6)
    assert [each == found[0] for each in found] == [True] * 6, "who asks is told each time"
    assert len(caplog.messages) == 2
    assert len(set(caplog.messages)) == 1


def test_what_is_other_is_logged_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    running = Running(tmp_path)
    bad, worse = GOOD + "quorum: {voters: 0}\n", GOOD + "quorum: {voters: 0, rule: some}\n"
    running.reread(bad, worse, bad, GOOD + "threads: 3\n", bad)
    assert len(caplog.messages) == 6


HALF = "the node file was taken in part, because of an internal error: RuntimeError; "


def test_what_was_taken_in_part_is_taken_again_whole(tmp_path: Path) -> None:
    running, text = Running(tmp_path), GOOD + "watch: {most_lost: 1}\n"
    running.faults = [RuntimeError("it says hunter2"), RuntimeError(), None]
    first, second, third, fourth = running.reread(text, text, text, text)
    assert first == second
    assert first.problems[0].startswith(HALF)
    assert first.lines == ()
    assert third == NodeReload(("node file: taken: watch.most_lost",))
    assert fourth == NodeReload()
    assert [config.most_lost for config in running.taken] == [1.0] * 3
    assert running.kept.kinds == ["config.rejected", "config.applied"]
    assert "goes on" not in running.kept.one("config.rejected").message


def test_the_file_of_before_is_taken_whole_after_a_part_of_another(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.faults = [RuntimeError("no")]
    half, bad, back = running.reread(GOOD + "watch: {most_lost: 1}\nlog: {level: error}\n", "node: [", GOOD)
    assert [line for line in bad.problems if line.startswith(HALF)] == list(half.problems), "it is so still"
    assert back == NodeReload()
    assert running.file.problems == ()
    assert [config.most_lost for config in running.taken] == [1.0, 0.5]
    assert [choice.level for choice in running.relogged] == [LogLevel.ERROR, LogLevel.INFO]


def test_a_fault_while_it_is_read_takes_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path)

    def read() -> NodeConfig:
        raise RuntimeError("no")

    running.read = read
    [found] = running.reread(GOOD + "watch: {most_lost: 1}\n")
    assert found.problems == ("the node file cannot be read because of an internal error: RuntimeError",)
    assert running.taken == []
