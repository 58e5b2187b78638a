import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gtm.admin.views import NodeStatus
from gtm.checks.model import checks
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief
from gtm.health.consensus.outliers import Reputation
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.consensus.voices import Voice
from gtm.health.override.override import Action, InForce, Override, OverrideId, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.health.report.claims import Listed
from gtm.health.report.peer import PeerState
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict, VerdictState
from gtm.ids import CheckId, EndpointId, NodeName, ServiceId, VantageName
from gtm.plan.overlay import Overlay
from gtm.probe.withheld import Withheld
from gtm.share.addresses import Peer
from tests.admin.served import Served, serving
from tests.cli.command import gtm
from tests.fakes import world
from tests.fakes.endpoints import closed_port
from tests.fakes.peers import key_of, report_store_of
from tests.node.present import BROKEN, SMALL

ONE, TWO = (check.id for check in checks((world.zone(SMALL),)))


def voice(vantage: str, belief: Belief, *, fresh: bool = True) -> Voice:
    reason = Reason.OK if belief is Belief.UP else Reason.TIMEOUT
    return Voice(VantageName(vantage), (NodeName(vantage),), belief, reason, "", fresh, 0.5)


def believe(node: Served) -> None:
    """One endpoint is up; the other is down by two voices, and now frozen."""
    up, down, stale = voice("eu", Belief.UP), voice("eu", Belief.DOWN), voice("us", Belief.DOWN, fresh=False)
    node.planner.take_status(
        Status(
            {
                ONE: CheckStatus(Belief.UP, 0.0, Reason.OK, "", (up,)),
                TWO: CheckStatus(Belief.DOWN, 1.0, Reason.TIMEOUT, "2.0 s", (down, stale), frozen=True),
            }
        )
    )


def frozen_row(tmp_path: Path, quorum: Quorum, votes: tuple[Voice, ...]) -> str:
    """The last cell of the row of a frozen endpoint, at a probe that has two more and a DNS node as peers."""
    with serving(tmp_path, a=SMALL) as node:
        peers = tuple(
            Peer(NodeName(name), "", key_of("fra").public, Listed(VantageName(name), None, name != "ns2"))
            for name in ("fra", "iad", "ns2")
        )
        node.current.config = replace(node.current.config, quorum=quorum, peers=peers)
        frozen = CheckStatus(Belief.UP, 0.0, Reason.OK, "", votes, frozen=True)
        node.planner.take_status(Status({ONE: frozen, TWO: CheckStatus(Belief.UP, 0.0)}))
        lines = gtm("status", "--admin", node.at).lines
    [row] = [line for line in lines if line.startswith("us-east/192.0.2.1")]
    return row.split("\t")[4]


@pytest.mark.parametrize(
    ("quorum", "votes", "words"),
    [
        (
            Quorum(voters=2),
            (voice("fra", Belief.UP), voice("iad", Belief.UP, fresh=False)),
            "fra: up, iad: stale; frozen: 1 of 3 votes, 2 needed",
        ),
        (Quorum(voters=2), (), "frozen: 0 of 3 votes, 2 needed"),
        (Quorum(voters=5), (voice("fra", Belief.UP),), "fra: up; frozen: 1 of 3 votes, 5 needed"),
        (
            Quorum(voters=2, vantages=2),
            (replace(voice("fra", Belief.UP), agreeing=2),),
            "fra: up; frozen: votes of 1 vantage, 2 needed",
        ),
    ],
)
def test_a_frozen_row_says_how_many_votes_are_missing(
    tmp_path: Path, quorum: Quorum, votes: tuple[Voice, ...], words: str
) -> None:
    assert frozen_row(tmp_path, quorum, votes) == words


def test_what_the_node_may_not_check_is_a_problem_of_it(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.withheld = (Withheld("no secret", 3, ONE),)
        ran = gtm("status", "--admin", node.at)
        told = json.loads(gtm("status", "--admin", node.at, "--json").out)
    assert f"problem: {ONE} and 2 more cannot be checked from here: no secret" in ran.lines
    assert told["withheld"] == [{"reason": "no secret", "checks": 3, "example": ONE}]


def test_why_a_probe_cannot_check_something_is_told_with_the_probe_and_in_the_row(tmp_path: Path) -> None:
    why = 'secret "token": /etc/gtm/token cannot be read: no such file or directory'
    with serving(tmp_path, a=SMALL) as node:
        node.report_store.publish({ONE: Verdict(unread=why), TWO: Verdict(unread=why)})
        cannot = voice("at-fra", Belief.UNKNOWN, fresh=False)
        cannot = replace(cannot, reason=Reason.UNREAD, detail=why)
        stale = voice("at-iad", Belief.UP, fresh=False)
        status = Status(
            {
                ONE: CheckStatus(Belief.UNKNOWN, 0.0, votes=(cannot, stale), frozen=True),
                TWO: CheckStatus(Belief.UP, 0.0),
            }
        )
        node.planner.take_status(status)
        ran = gtm("status", "--admin", node.at)
        node.withheld = (Withheld(why, 2, ONE),)
        own = gtm("status", "--admin", node.at)
    told = f"problem: probe ns1 cannot check {ONE} and 1 more: {why}"
    assert told in ran.lines
    [row] = [line for line in ran.lines if "192.0.2.1" in line and line.startswith("us-east/")]
    assert row.split("\t")[4] == f"at-fra: cannot check ({why}), at-iad: stale; frozen: 0 of 1 vote, 1 needed"
    assert told not in own.lines, "it is there already, as this node's own"
    assert "silent" not in ran.out, "who says why is heard"


def test_why_a_peer_is_not_polled_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.peers = {NodeName("fra"): PeerState.LOST, NodeName("iad"): PeerState.HEARD}
        node.troubles = {NodeName("fra"): "Connection refused"}
        ran = gtm("status", "--admin", node.at)
    assert [line for line in ran.lines if line.startswith("peer ")] == [
        "peer fra: lost, it cannot be polled: Connection refused"
    ]


def test_a_belief_is_told_with_the_state_that_knows_of_more(tmp_path: Path) -> None:
    shaky = replace(voice("eu", Belief.UP), state=VerdictState.DEGRADED)
    flapping = replace(voice("eu", Belief.DOWN), state=VerdictState.FLAPPING)
    with serving(tmp_path, a=SMALL) as node:
        one = CheckStatus(Belief.UP, 0.0, Reason.OK, "", (shaky,), flip_in_s=2.0)
        two = CheckStatus(Belief.DOWN, 1.0, Reason.TIMEOUT, "", (flapping,))
        node.planner.take_status(Status({ONE: one, TWO: two}))
        ran = gtm("status", "--admin", node.at)
        told = json.loads(gtm("status", "--admin", node.at, "--json").out)
    assert [line.split("\t")[1] for line in ran.lines if "192.0.2" in line] == ["up, degraded", "down, flapping"]
    [service] = told["services"]
    assert [(each["state"], each["flip_in_s"]) for each in service["endpoints"]] == [
        ("degraded", 2.0),
        ("flapping", 0.0),
    ]


def test_what_is_down_from_somewhere_is_told(tmp_path: Path) -> None:
    local = (LocalBelief(VantageName("eu"), Belief.DOWN),)
    with serving(tmp_path, a=SMALL) as node:
        status = Status({ONE: CheckStatus(Belief.UP, 0.0, local=local), TWO: CheckStatus(Belief.DOWN, 0.0)})
        node.planner.take_status(status)
        node.planner.present = replace(node.planner.present, vantages=world.VANTAGES)
        ran = gtm("status", "--admin", node.at)
        node.planner.present = replace(node.planner.present, vantages=world.VANTAGES[:2])
        fewer = gtm("status", "--admin", node.at)
    assert "local truth of ap, eu, us: each for the clients near it" in ran.lines
    assert "local truth of ap, eu: none, it takes 3 of them" in fewer.lines
    beliefs = [line.split("\t")[1] for line in ran.lines if "192.0.2" in line]
    assert beliefs == ["up; down as seen from eu", "down"]


@pytest.mark.parametrize(("back_in_s", "words"), [(41.2, "; answers again, back in 42s"), (0.0, "; answers again")])
def test_what_is_about_to_come_back_has_its_countdown(tmp_path: Path, back_in_s: float, words: str) -> None:
    with serving(tmp_path, a=SMALL) as node:
        two = CheckStatus(Belief.DOWN, 1.0, Reason.OK, back_in_s=back_in_s)
        node.planner.take_status(Status({ONE: CheckStatus(Belief.UP, 0.0), TWO: two}))
        ran = gtm("status", "--admin", node.at)
    assert [line.split("\t")[1] for line in ran.lines if "192.0.2.2" in line] == [f"down{words}"]


def override(scope: str, action: Action) -> Override:
    until = time.time() + 5000.5
    return Override(OverrideId("1"), NodeName("ns1"), parse_scope(scope), action, "a fire", "ann", until - 9000, until)


def test_what_a_person_decides_says_who_and_until_when_in_the_rows_of_regions_and_endpoints(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        one = override("region gtm.example.com/eu-west", Action.DRAIN)
        said = Overlay(InForce({one.scope: one}))
        node.planner.take_status(Status({ONE: CheckStatus(Belief.UP, 0.0), TWO: CheckStatus(Belief.UP, 0.0)}), said)
        ran = gtm("status", "--admin", node.at)
    who = "a person says drain (ann, for 1h 23m more)"
    assert f"eu-west\tgtm.example.com\tup; {who}\t1\t0\t0" in ran.lines
    assert "us-east\tgtm.example.com\tup\t1\t0\t0" in ran.lines
    assert [line.split("\t")[1] for line in ran.lines if "192.0.2.2" in line] == [f"up; {who}"]


HALF = SMALL.replace(
    "address: 192.0.2.2}", "address: 192.0.2.2}\n      - {region: eu-west, address: 192.0.2.3}"
).replace("steer: nearest", "steer: nearest\n    min_healthy: {eu-west: 2}")


def test_a_region_of_which_a_part_is_decided_otherwise_says_how_much(tmp_path: Path) -> None:
    with serving(tmp_path, a=HALF) as node:
        one = override("endpoint api.gtm.example.com eu-west/192.0.2.3", Action.DOWN)
        held = {EndpointId("eu-west/192.0.2.2"): SafetyRule.MAX_SHARE}
        said = Overlay(InForce({one.scope: one}), {ServiceId("api.gtm.example.com"): held})
        three = CheckId(TWO.replace("192.0.2.2", "192.0.2.3"))
        up, down = CheckStatus(Belief.UP, 0.0), CheckStatus(Belief.DOWN, 0.0)
        node.planner.take_status(Status({ONE: up, TWO: down, three: up}), said)
        ran = gtm("status", "--admin", node.at)
    person = "a person says down of 1 of 2 endpoints (ann, for 1h 23m more)"
    rule = "1 of 2 held up by max_share_removed_per_minute"
    [row] = [line for line in ran.lines if line.startswith("eu-west\t")]
    assert row.split("\t")[2] == f"degraded; {person}; {rule}"


def test_a_region_that_is_skipped_for_want_of_min_healthy_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, a=HALF) as node:
        three = CheckId(TWO.replace("192.0.2.2", "192.0.2.3"))
        up, down = CheckStatus(Belief.UP, 0.0), CheckStatus(Belief.DOWN, 0.0)
        node.planner.take_status(Status({ONE: up, TWO: up, three: down}))
        ran = gtm("status", "--admin", node.at)
    [region] = [line for line in ran.lines if line.startswith("eu-west\t")]
    assert region.split("\t")[2] == "degraded; 2 of 2 skipped for want of min_healthy"
    beliefs = [line.split("\t")[1] for line in ran.lines if line.startswith("eu-west/")]
    assert beliefs == [f"{belief}; skipped, its region has fewer up than min_healthy" for belief in ("up", "down")]


def test_a_last_resort_is_marked(tmp_path: Path) -> None:
    spare = SMALL.replace("address: 192.0.2.2}", "address: 192.0.2.2, last_resort: true}").replace(
        "steer: nearest", "steer: nearest\n    on_all_down: last_resort"
    )
    with serving(tmp_path, a=spare) as node:
        ran = gtm("status", "--admin", node.at)
    assert [line.split("\t")[1] for line in ran.lines if "192.0.2.2" in line] == ["unknown; last resort"]


def test_piped_it_is_plain_columns_between_tabs(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        believe(node)
        ran = gtm("status", "--admin", node.at)
        generation = node.planner.present.plan.generation
    assert (ran.code, ran.err) == (0, "")
    lines = ran.lines
    assert lines[0] == f"node ns1 (0.1.0, reference engine): ready, generation {generation}"
    assert lines[1] == "quorum majority, voters 1; up for 0s"
    assert lines[2] == "zone gtm.example.com: serial 1700000000, 1 service, 5 records"
    assert lines[3] == "queries 0 answered"
    assert lines[5:8] == [
        "region\tzone\tstate\tup\tdown\tunknown",
        "us-east\tgtm.example.com\tup\t1\t0\t0",
        "eu-west\tgtm.example.com\tdown\t0\t1\t0",
    ]
    assert lines[9] == "api.gtm.example.com: nearest, degraded"
    assert lines[10] == "endpoint\tbelief\tsince\treason\tvoices"
    assert lines[11] == "us-east/192.0.2.1\tup\t\tok\teu: up"
    endpoint, belief, since, reason, voices = lines[12].split("\t")
    assert (endpoint, belief, reason) == ("eu-west/192.0.2.2", "down", "timeout (2.0 s)")
    assert since.endswith(" ago")
    assert voices == "eu: down, us: stale; frozen, too few voices"
    assert "\x1b" not in ran.out


def test_the_json_is_the_status_of_the_api(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        believe(node)
        ran = gtm("status", "--json", "--admin", node.at)
        assert json.loads(ran.out) == node.ask("GET", "/v1/status").json
    assert TypeAdapter(NodeStatus).validate_json(ran.out).node == "ns1"


def test_problems_are_shown_as_check_prints_them(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (node.folder / "a.yaml").write_text(BROKEN)
        node.ask("POST", "/v1/reload")
        node.report_store.publish({})
        ran = gtm("status", "--admin", node.at)
        [problem] = gtm("check", str(node.folder)).lines
    assert f"problem: {problem}" in ran.lines
    assert "probe ns1 (at-ns1): 0 checks, heard 0.0 s ago" in ran.lines


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (
            Reputation(0.9, 0.0, is_quarantined=True),
            "; in quarantine, it is always against the others and does not count",
        ),
        (Reputation(0.34, 0.0), "; 34% of what it says is against the others"),
        (Reputation(0.04, 0.0), ""),
    ],
)
def test_how_a_probe_stands_with_the_others_is_told(tmp_path: Path, standing: Reputation, words: str) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.report_store.publish({})
        node.standings = {NodeName("ns1"): standing}
        ran = gtm("status", "--admin", node.at)
    assert f"probe ns1 (at-ns1): 0 checks, heard 0.0 s ago{words}" in ran.lines


def test_queries_are_counted_by_rcode_over_all_transports(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.counters.add("dns_responses", 7, rcode="NOERROR", transport="udp")
        node.counters.add("dns_responses", 2, rcode="NOERROR", transport="tcp")
        node.counters.add("dns_responses", 3, rcode="NXDOMAIN", transport="udp")
        node.counters.add("dns_ignored", transport="udp")
        ran = gtm("status", "--admin", node.at)
    assert "queries 12 answered: NOERROR 9, NXDOMAIN 3" in ran.lines


def test_refusals_are_shown_by_peer_but_for_innocent_replays(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        stranger = report_store_of("stranger", clock=node.clock)
        for _ in range(2):
            stranger.publish({})
            node.report_store.take(stranger.offer().body, giver=NodeName("fra"))
        ran = gtm("status", "--admin", node.at)
    assert "peer fra: 2 reports refused as unknown_reporter" in ran.lines


def test_an_address_of_several_services_counts_once_in_its_region(tmp_path: Path) -> None:
    head, _, service = SMALL.partition("  api:\n")
    service, _, records = service.partition("records:")
    text = f"{head}  api:\n{service}  app:\n{service}records:{records}"
    with serving(tmp_path, a=text) as node:
        believe(node)
        ran = gtm("status", "--admin", node.at)
    assert {"us-east\tgtm.example.com\tup\t1\t0\t0", "eu-west\tgtm.example.com\tdown\t0\t1\t0"} <= set(ran.lines)


def test_a_node_that_is_not_ready_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as node:
        ran = gtm("status", "--admin", node.at)
    assert ran.code == 0
    assert "not ready" in ran.lines[0]


def test_the_admin_address_can_come_from_the_node_file(folder: Path) -> None:
    with serving(folder) as node:
        (folder / "gtm.yaml").write_text(f'node: ns1\nlisten: {{admin: "{node.at}"}}\n')
        assert gtm("status", "--config", "gtm.yaml").code == 0


@pytest.mark.parametrize(
    "command", [["status"], ["status", "--json"], ["reload"], ["explain", "a.example", "--client", "10.0.0.1"]]
)
def test_a_node_that_does_not_answer_is_one_clear_message(command: list[str]) -> None:
    at = f"127.0.0.1:{closed_port()}"
    ran = gtm(*command, "--admin", at)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"no node answers at {at}: connection refused; is `gtm serve` running there?\n"


def test_another_server_there_is_told_apart_from_a_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as node:

        def fails() -> None:
            raise RuntimeError

        monkeypatch.setattr(node.subject, "status", fails)
        ran = gtm("status", "--admin", node.at)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"the node at {node.at} answered /v1/status with HTTP 500: ")
    assert len(ran.err.splitlines()) == 1


def test_what_is_odd_in_a_zone_file_is_a_warning_and_no_problem(tmp_path: Path) -> None:
    odd = SMALL.replace("ns2.example.net]", "ns2.example.net, NS2.example.net]")
    with serving(tmp_path, a=odd) as node:
        ran = gtm("status", "--admin", node.at)
        told = json.loads(gtm("status", "--admin", node.at, "--json").out)
    assert told["problems"] == []
    (warning,) = told["warnings"]
    assert warning.endswith('duplicate value "NS2.example.net.", left out; the first one is on line 4')
    assert f"warning: {warning}" in ran.lines


def test_what_the_zone_file_disables_is_shown_as_that(tmp_path: Path) -> None:
    text = SMALL.replace("eu-west: {", "eu-west: {enabled: false, ")
    off = "  off: {steer: nearest, endpoints: [{region: eu-west, address: 192.0.2.9}]}\nrecords:"
    with serving(tmp_path, a=text.replace("records:", off)) as node:
        ran = gtm("status", "--admin", node.at)
        told = json.loads(gtm("status", "--admin", node.at, "--json").out)
    assert "eu-west\tgtm.example.com\tdisabled\t0\t0\t0" in ran.lines
    assert "eu-west/192.0.2.2\tdisabled\t\tits region is disabled in the zone file\t" in ran.lines
    assert "off.gtm.example.com: nearest, nothing of it is enabled, it answers nothing" in ran.lines
    disabled = {service["service"]: service["disabled"] for service in told["services"]}
    assert disabled["off.gtm.example.com"] == [{"endpoint": "eu-west/192.0.2.9", "region": "eu-west", "by": "region"}]
