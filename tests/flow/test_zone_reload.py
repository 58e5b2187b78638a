"""Zone files change under a running node: good ones are live within a second, bad ones change nothing and say why."""

import os
import re
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dns.rcode
import pytest
from dns.message import Message

from gtm.admin.client import ask_reload
from gtm.arrival import DEFAULT_SETTLE_S
from tests.fakes.asking import ask, is_answering, status_of, stream
from tests.fakes.cluster import (
    CLIENTS,
    EU_WEST,
    START_LIMIT_S,
    US_EAST,
    ZONE,
    Cluster,
    Machine,
    Running,
    gtm,
    loopback_address,
    within,
)
from tests.fakes.stage import set_stage
from tests.zone import nested

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIVE_LIMIT_S = 1.0
"""What the node promises for a file that is renamed into place, and more than DEFAULT_SETTLE_S for any other."""

BUSY_LIMIT_S = 5.0
"""What one change in a row may take on a machine with other things to do."""

Record = Callable[[str, float], None]


@dataclass(slots=True)
class Node:
    """One DNS node, whose zone is edited. Its state is the process that runs now."""

    cluster: Cluster
    machine: Machine
    running: Running

    @property
    def file(self) -> Path:
        """Returns its zone file."""
        return self.cluster.zone_file

    def write(self, word: str) -> None:
        """Writes a good zone, in place, with a word in two records that must never be seen apart."""
        before = self.file.stat().st_ino
        self.file.write_text(self.text(word), encoding="utf-8")
        assert self.file.stat().st_ino == before

    def swap(self, word: str) -> None:
        """Does the same as editors and `git checkout` do: writes beside, and renames."""
        self.file.with_suffix(".new").write_text(self.text(word), encoding="utf-8")
        self.file.with_suffix(".new").replace(self.file)

    def text(self, word: str) -> str:
        """Returns that zone."""
        return re.sub(r"(left|right)-\w+", rf"\1-{word}", self.file.read_text(encoding="utf-8"))

    def words(self) -> tuple[str, ...]:
        """Returns the words that it serves: one alone, unless it serves parts of two zones."""
        message = ask(self.machine.address, name=f"word.{ZONE}", rdtype="TXT")
        assert message.rcode() == dns.rcode.NOERROR
        texts = sorted(rdata.to_text().strip('"') for rrset in message.answer for rdata in rrset)
        assert [text.partition("-")[0] for text in texts] == ["left", "right"]
        return tuple(sorted({text.partition("-")[2] for text in texts}))

    def serial(self) -> int:
        """Returns the serial that it serves."""
        [rrset] = ask(self.machine.address, name=ZONE, rdtype="SOA").answer
        [rdata] = rrset
        return int(rdata.to_text().split()[2])

    def last(self) -> Message:
        """Returns what it answers for the last one of MANY."""
        return ask(self.machine.address, name=f"host39.{ZONE}", rdtype="A")

    def problems(self) -> tuple[str, ...]:
        """Returns what it says of its zone files."""
        status = status_of(self.machine.address)
        assert status is not None
        return status.problems

    def start(self) -> None:
        """Starts it again, and waits for its first answer."""
        self.running = self.cluster.start_node(self.machine)
        within(START_LIMIT_S, lambda: is_answering(self.machine.address))


REGIONS = {"eu-west": "127.0.0.1"}
"""Nobody listens there on the port of the regions; all that is down is answered all the same."""


MANY = "".join(f"  host{number}: {{A: [192.0.2.{number + 10}]}}\n" for number in range(40))
"""Records of forty names."""


def records(word: str) -> str:
    """Returns records that belong together."""
    return f"  word: {{TXT: [left-{word}, right-{word}]}}\n"


@pytest.fixture
def node(cluster: Cluster) -> Node:
    machine = Machine("ns1", loopback_address())
    cluster.write_zone(REGIONS, more=records("first"))
    cluster.write_nodes([machine])
    running = Node(cluster, machine, cluster.start_node(machine))
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    return running


@pytest.mark.alone
def test_a_changed_zone_file_is_live_within_a_second_with_a_larger_serial(node: Node, record: Record) -> None:
    took_s: dict[Callable[[str], None], list[float]] = {node.write: [], node.swap: []}
    serials = [node.serial()]
    for number, write in enumerate((node.write, node.swap, node.swap) * 3):
        write(f"change{number}")
        took_s[write].append(within(BUSY_LIMIT_S, lambda: node.words() == (f"change{number}",)))  # noqa: B023  # called at once
        serials.append(node.serial())
    assert sorted(set(serials)) == serials, "serials only grow"
    record("seconds_from_edit_to_answer_median", statistics.median(took_s[node.swap]))
    record("seconds_from_edit_to_answer_max", max(took_s[node.swap]))
    assert statistics.median(took_s[node.swap]) < LIVE_LIMIT_S
    assert DEFAULT_SETTLE_S - LIVE_LIMIT_S < statistics.median(took_s[node.write]) < DEFAULT_SETTLE_S + LIVE_LIMIT_S


def test_an_upload_that_stalls_is_not_served_before_its_end(node: Node) -> None:
    node.cluster.write_zone(REGIONS, more=records("first") + MANY)
    within(BUSY_LIMIT_S, lambda: len(node.last().answer) == 1)
    text = node.text("second").encode()
    with node.file.open("wb") as upload:
        upload.write(text[: text.index(b"  host20:")])
        upload.flush()
        goes_on_at = time.monotonic() + 1.5
        within(BUSY_LIMIT_S, lambda: time.monotonic() >= goes_on_at or node.last().rcode() != dns.rcode.NOERROR)
        assert (node.last().rcode(), node.words()) == (dns.rcode.NOERROR, ("first",))
        upload.write(text[text.index(b"  host20:") :])
    within(BUSY_LIMIT_S, lambda: node.words() == ("second",))
    assert node.last().rcode() == dns.rcode.NOERROR


def test_a_zone_that_loses_most_of_its_names_serves_on_through_a_restart_until_it_is_forced(node: Node) -> None:
    node.cluster.write_zone(REGIONS, more=records("first") + MANY)
    config = ("--config", str(node.cluster.node_file(node.machine)))
    within(BUSY_LIMIT_S, lambda: node.last().rcode() == dns.rcode.NOERROR)
    node.cluster.write_zone(REGIONS, more=records("second"))
    within(BUSY_LIMIT_S, lambda: node.problems() != ())
    assert f"gtm reload --force {ZONE}" in node.problems()[0]
    assert (node.words(), node.last().rcode()) == (("first",), dns.rcode.NOERROR)
    shown = gtm("events", *config, "--type", "config").stdout
    assert "gtm.config.rejected" in shown
    assert "it would lose 40 of " in shown

    assert node.running.stop() == 0
    node.start()
    within(START_LIMIT_S, lambda: status_of(node.machine.address) is not None and node.problems() != ())
    assert (node.words(), node.last().rcode()) == (("first",), dns.rcode.NOERROR)

    assert gtm("reload", *config).returncode == 1
    assert gtm("reload", *config, "--force", ZONE).returncode == 0
    assert (node.words(), node.last().rcode()) == (("second",), dns.rcode.NXDOMAIN)
    assert node.problems() == ()


def test_a_broken_edit_changes_nothing_and_says_where_it_is_broken(node: Node) -> None:
    serial, good = node.serial(), node.file.read_text(encoding="utf-8")
    broken = good.replace("steer: nearest", "steer: nearst")
    line = broken[: broken.index("nearst")].count("\n") + 1
    node.file.write_text(broken, encoding="utf-8")
    within(BUSY_LIMIT_S, lambda: node.problems() != ())

    shown = gtm("status", "--admin", node.machine.admin)
    assert shown.returncode == 0
    place = f"{node.file}:{line}:12: "
    [said] = [row for row in shown.stdout.splitlines() if row.startswith("problem: ")]
    assert said.startswith(f"problem: {place}")
    assert 'did you mean "nearest"?' in said
    assert place in node.running.said, "the log says so too"
    assert (node.words(), node.serial()) == (("first",), serial)

    node.file.write_text(good.replace("-first", "-mended"), encoding="utf-8")
    within(BUSY_LIMIT_S, lambda: node.words() == ("mended",))
    assert node.problems() == ()
    assert node.serial() > serial


def test_gtm_reload_reads_what_no_scan_can_see_and_its_exit_code_says_how_it_went(node: Node) -> None:
    edit_unseen(node.file, "first", "again")
    reloaded = gtm("reload", "--admin", node.machine.admin)
    assert (reloaded.returncode, node.words()) == (0, ("again",))
    what = f"zone {ZONE}: changed record word.{ZONE} TXT (values)"
    assert re.fullmatch(rf"{re.escape(what)}\ngeneration \d+ serves\n", reloaded.stdout)

    edit_unseen(node.file, "nearest", "nearst ")
    refused = gtm("reload", "--admin", node.machine.admin)
    assert (refused.returncode, node.words()) == (1, ("again",))
    assert str(node.file) in refused.stdout

    edit_unseen(node.file, "nearst ", "nearest")
    assert gtm("reload", "--admin", node.machine.admin).returncode == 0
    assert node.problems() == ()

    node.running.stop()
    unreachable = gtm("reload", "--admin", node.machine.admin)
    assert unreachable.returncode == 1
    assert f"no node answers at {node.machine.admin}" in unreachable.stderr


def test_sighup_reads_what_no_scan_can_see(node: Node) -> None:
    edit_unseen(node.file, "first", "again")
    node.running.process.send_signal(signal.SIGHUP)
    within(BUSY_LIMIT_S, lambda: node.words() == ("again",))

    edit_unseen(node.file, "nearest", "nearst ")
    node.running.process.send_signal(signal.SIGHUP)
    within(BUSY_LIMIT_S, lambda: node.problems() != ())
    assert node.words() == ("again",)
    assert node.running.running


def test_a_restart_keeps_the_serial_unless_the_zone_changed_meanwhile(node: Node) -> None:
    serial = node.serial()
    assert node.running.stop() == 0
    node.start()
    assert node.serial() == serial

    node.running.kill()
    node.write("meanwhile")
    node.start()
    # the plan of before answers first, while what changed is read
    within(BUSY_LIMIT_S, lambda: node.words() == ("meanwhile",))
    assert node.serial() > serial


def test_no_query_fails_while_the_files_are_written_fifty_times(node: Node) -> None:
    with stream(node.machine.address, (*CLIENTS.values(), None)) as asking:
        for number in range(50):
            (node.write if number % 10 == 4 else node.swap)(f"n{number}")
            if number % 10 == 9:  # every tenth is left for the node to notice
                within(BUSY_LIMIT_S, lambda: node.words() == (f"n{number}",))  # noqa: B023  # called at once
            else:
                ask_reload(node.machine.admin)
                assert len(node.words()) == 1, "parts of two zones"
        within(BUSY_LIMIT_S, lambda: node.words() == ("n49",))
    assert asking.failures == []
    assert node.problems() == ()


def test_a_region_that_is_added_and_taken_away_is_taken_up_by_the_whole_mesh(cluster: Cluster) -> None:
    stage = set_stage(cluster)
    without = {name: address for name, address in stage.addresses.items() if name != EU_WEST}
    with stream(stage.server.address, (*CLIENTS.values(), None)) as asking:
        cluster.write_zone(without)
        within(START_LIMIT_S, lambda: stage.nearest()[EU_WEST] == US_EAST)
        gone_at = time.monotonic()
        within(START_LIMIT_S, lambda: stage.beliefs() == dict.fromkeys(without, "up"))
        assert max(answer.sent_at for answer in asking.naming(stage.addresses[EU_WEST])) < gone_at

        stage.running[EU_WEST].kill()
        cluster.write_zone(stage.addresses)
        stage.wait_for({EU_WEST: "down"})
        within(START_LIMIT_S, lambda: stage.nearest()[EU_WEST] == US_EAST)
        stage.start_region(EU_WEST)
        within(START_LIMIT_S, lambda: stage.nearest()[EU_WEST] == EU_WEST)
        assert stage.beliefs() == dict.fromkeys(stage.addresses, "up")
    assert asking.failures == []
    assert "Traceback" not in "".join(running.said for running in stage.running.values())


def edit_unseen(path: Path, old: str, new: str) -> None:
    """Changes a file so that its size, its inode and its time stay: only who reads it can tell."""
    assert len(old) == len(new)
    before = path.stat()
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def hostile_files() -> dict[str, str]:
    """Returns zone files that cost more than they say, each of one zone beside the node's."""
    ends = ", ".join(f"{{region: x{number}, address: 127.0.0.9}}" for number in range(150))
    aliases = "".join(f"  s{number}: *s\n" for number in range(330))
    regions = "\n".join(f"  region-{number}: {{}}" for number in range(1000))
    typos = "".join(
        f"  s{number}: {{steer: weighted, endpoints: [{{region: regoin-{number}, address: 127.0.0.9}}]}}\n"
        for number in range(1000)
    )
    return {
        "a-rows": nested.rows(40),
        "b-chain": nested.chain(1_000).replace("zone: example.com", "zone: b.example.com"),
        "c-aliases": f"{nested.HEAD}services:\n  s: &s {{steer: weighted, endpoints: [{ends}]}}\n{aliases}",
        "d-typos": nested.HEAD.replace("{one: {}}", f"\n{regions}") + f"services:\n{typos}",
        "e-deep": f"{nested.HEAD}records: {'[' * 50_000}",
    }


def test_files_that_cost_more_than_they_say_keep_no_other_from_being_served(node: Node) -> None:
    for name, text in hostile_files().items():
        (node.cluster.zones / f"{name}.yaml").write_text(text, encoding="utf-8")
    node.swap("second")
    within(BUSY_LIMIT_S, lambda: node.words() == ("second",))
    within(
        START_LIMIT_S, lambda: {file_of(problem) for problem in node.problems()} == {"c-aliases", "d-typos", "e-deep"}
    )
    node.swap("third")
    within(BUSY_LIMIT_S, lambda: node.words() == ("third",))
    assert node.running.said.count("zone file") < 150
    assert sum(map(len, node.problems())) < 50_000
    assert node.running.stop() == 0
    node.start()
    within(BUSY_LIMIT_S, lambda: node.words() == ("third",))
    assert node.running.stop() == 0


def file_of(problem: str) -> str:
    """Returns the name of the file that a problem is of."""
    return Path(problem.partition(":")[0]).stem
