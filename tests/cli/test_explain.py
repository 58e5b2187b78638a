import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gtm.checks.model import checks
from gtm.explain.explain import Explanation
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.consensus.voices import Voice
from gtm.health.verdict.reading import Reason
from gtm.ids import NodeName, VantageName
from tests.admin.served import serving
from tests.cli.command import gtm
from tests.fakes import world
from tests.node.present import BROKEN, SMALL

OFFLINE = ("--zones", "zones", "--config", "gtm.yaml")

WHOLE = """\
question    api.gtm.example.com. A, from 10.2.0.1
place       Dublin, IE, EU, 53.35,-6.26, AS64500 Example, tag office (known for 10.2.0.0/16)
generation  1, zone gtm.example.com.
service     api.gtm.example.com, steered by nearest
cell        1 of 2, scope /16
  up        keeps us-east/192.0.2.1 (unknown), eu-west/192.0.2.2 (unknown)
  nearest   keeps eu-west/192.0.2.2 (0 km, 1 of 2), us-east/192.0.2.1 (5466 km, 2 of 2)
  weight    keeps eu-west/192.0.2.2 (weight 1)
            drops us-east/192.0.2.1 (behind the best)
outcome     one by weight
    eu-west/192.0.2.2: 100.0% of queries
answer
    NOERROR
    api.gtm.example.com. 60 IN A 192.0.2.2
"""

DOWN = """\
question    www.gtm.example.com. A, from 10.2.0.1
place       IE, EU, 53.35,-6.26 (known for 10.2.0.0/16)
generation  {generation}, zone gtm.example.com.
aliases     www.gtm.example.com. -> api.gtm.example.com.
service     api.gtm.example.com, steered by nearest
cell        1 of 2, scope /15
  up        keeps nothing
            drops us-east/192.0.2.1 (down), eu-west/192.0.2.2 (down)
  all are down: serve_all, so again as if all were up
  up        keeps us-east/192.0.2.1 (taken as up), eu-west/192.0.2.2 (taken as up)
  nearest   keeps eu-west/192.0.2.2 (0 km, 1 of 2), us-east/192.0.2.1 (5466 km, 2 of 2)
  weight    keeps eu-west/192.0.2.2 (weight 1)
            drops us-east/192.0.2.1 (behind the best)
outcome     one by weight (fail open: all are down, and the zone says serve_all)
    eu-west/192.0.2.2: 100.0% of queries
health      us-east/192.0.2.1: down (unread; no voices)
health      eu-west/192.0.2.2: down (unread; no voices)
answer
    NOERROR
    www.gtm.example.com. 60 IN CNAME api.gtm.example.com.
    api.gtm.example.com. 30 IN A 192.0.2.2
"""


def test_without_a_node_the_files_are_explained_and_piped_it_is_exactly_this(folder: Path) -> None:
    ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", *OFFLINE)
    assert (ran.code, ran.out, ran.err) == (0, WHOLE, "")


def test_a_running_node_explains_what_it_believes(tmp_path: Path) -> None:
    text = f"{SMALL}\n  www: {{CNAME: api}}\n"
    with serving(tmp_path, a=text) as node:
        node.planner.take_status(world.status(world.down("192.0.2.1", "192.0.2.2"), world.zone(text)))
        ran = gtm("explain", "www.gtm.example.com", "--client", "10.2.0.1", "--admin", node.at)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == DOWN.format(generation=node.planner.present.plan.generation)


def test_a_stale_voice_says_nothing_and_a_frozen_belief_is_called_so(tmp_path: Path) -> None:
    fra = Voice(VantageName("fra"), (NodeName("a"),), Belief.DOWN, Reason.REFUSED, "", fresh=True, age_s=0.5)
    iad = Voice(VantageName("iad"), (NodeName("b"),), Belief.UP, Reason.OK, "", fresh=False, age_s=60.0)
    first, _ = checks((world.zone(SMALL),))
    with serving(tmp_path, a=SMALL) as node:
        node.planner.take_status(
            Status({first.id: CheckStatus(Belief.UP, 0.0, Reason.OK, "", (fra, iad), frozen=True)})
        )
        ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", "--admin", node.at)
    assert "health      us-east/192.0.2.1: up (ok; fra down, iad stale; frozen, too few voices)" in ran.lines


def test_which_address_of_a_target_it_was_is_said(tmp_path: Path) -> None:
    first, _ = checks((world.zone(SMALL),))
    with serving(tmp_path, a=SMALL) as node:
        said = "192.0.2.9, after 192.0.2.8: Connection refused"
        node.planner.take_status(Status({first.id: CheckStatus(Belief.UP, 0.0, Reason.OK, said)}))
        ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", "--admin", node.at)
    assert f"health      us-east/192.0.2.1: up (ok: {said}; no voices)" in ran.lines


def test_what_the_nearest_vantage_sees_down_is_said(tmp_path: Path) -> None:
    first, second = checks((world.zone(SMALL),))
    cut = CheckStatus(Belief.UP, 0.0, local=(LocalBelief(VantageName("eu"), Belief.DOWN),))
    with serving(tmp_path, a=SMALL) as node:
        node.planner.take_status(Status({first.id: CheckStatus(Belief.UP, 0.0), second.id: cut}))
        node.planner.present = replace(node.planner.present, vantages=world.VANTAGES)
        (node.folder / "a.yaml").write_text(f"{SMALL}\n  www: {{CNAME: api}}\n")
        node.ask("POST", "/v1/reload")
        ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", "--admin", node.at)
    assert ran.lines[4].endswith(", nearest vantage eu")
    assert "            drops eu-west/192.0.2.2 (down)" in ran.lines
    assert "local       eu-west/192.0.2.2: down as seen from eu" in ran.lines
    assert ran.lines[-1].endswith("A 192.0.2.1")


def test_the_json_is_the_explanation_of_the_api(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        ran = gtm("explain", "api.gtm.example.com", "-t", "AAAA", "--client", "10.2.0.1", "--admin", node.at, "--json")
        answer = node.ask("GET", "/v1/explain?name=api.gtm.example.com&type=AAAA&client=10.2.0.1")
    assert json.loads(ran.out) == answer.json
    assert TypeAdapter(Explanation).validate_json(ran.out).steered is None


@pytest.mark.parametrize(
    ("name", "rtype", "lines"),
    [
        ("ns1.gtm.example.com", "A", ["steering    none: the answer is the same for everyone", "    NOERROR"]),
        ("nope.gtm.example.com", "A", ["    NXDOMAIN"]),
        (
            "api.gtm.example.com",
            "AAAA",
            ["steering    none: the service api.gtm.example.com has no AAAA endpoints", "    NOERROR"],
        ),
        ("api.gtm.example.com", "MX", ["steering    none: the answer is the same for everyone"]),
        ("example.org", "A", ["generation  1, zone none: nothing here has this name", "    REFUSED"]),
    ],
)
def test_what_is_not_steered_is_short(folder: Path, name: str, rtype: str, lines: list[str]) -> None:
    ran = gtm("explain", name, "--type", rtype, "--client", "10.2.0.1", *OFFLINE)
    assert ran.code == (1 if name in {"nope.gtm.example.com", "example.org"} else 0)
    assert not [line for line in lines if line not in ran.lines]
    assert len(ran.lines) < 10


UNKNOWN = "unknown: the default order of the regions"


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ("192.0.2.77", f"{UNKNOWN} (the same for 192.0.0.0/9)"),
        ("::ffff:10.2.0.1", "Dublin, IE, EU, 53.35,-6.26, AS64500 Example, tag office (known for 10.2.0.0/16)"),
        ("2001:db8::1", f"{UNKNOWN} (the same for 2001:800::/21)"),
        ("2002:a02:1::5", "Dublin, IE, EU, 53.35,-6.26, AS64500 Example, tag office (known for 10.2.0.0/16)"),
        ("127.0.0.1", f"{UNKNOWN}, but for a client subnet of 127.0.0.0/8 that of its resolver's address"),
        ("::1", f"{UNKNOWN}, but for a client subnet of 0.0.0.0/8 that of its resolver's address"),
    ],
)
def test_the_place_says_what_is_known_and_for_which_network(folder: Path, client: str, words: str) -> None:
    ran = gtm("explain", "api.gtm.example.com", "--client", client, *OFFLINE)
    assert ran.lines[1] == f"place       {words}"


def test_an_answer_that_was_drawn_is_called_one_draw(folder: Path) -> None:
    zone = folder / "zones" / "a.yaml"
    zone.write_text(zone.read_text().replace("steer: nearest", "steer: weighted"))
    ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", *OFFLINE)
    assert "answer      one draw of the engine" in ran.lines


def test_geo_data_that_cannot_be_loaded_is_said_beside_the_explanation(folder: Path) -> None:
    (folder / "networks.yaml").unlink()
    ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", *OFFLINE)
    assert ran.code == 0
    assert ran.err == "geo data: networks.yaml:1:1: No such file or directory\n"
    assert "place       unknown: the default order of the regions" in ran.out


def test_files_with_mistakes_are_not_explained(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(BROKEN)
    ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", *OFFLINE)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == 'zones/a.yaml:18:18: unknown region "us-esat"; did you mean "us-east"?\n'


@pytest.mark.parametrize("zones", ["nowhere", "empty", "networks.yaml"])
def test_without_any_zone_there_is_one_message(folder: Path, zones: str) -> None:
    (folder / "empty").mkdir()
    ran = gtm("explain", "a.example", "--client", "10.2.0.1", "--zones", zones, "--config", "gtm.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{zones}: ")
    assert len(ran.err.splitlines()) == 1


OTHER = SMALL.replace("zone: gtm.example.com", "zone: gtm.example.net")
OWN = SMALL.replace("records:", "records:\n  only: {A: 192.0.2.7}\n")


@pytest.mark.parametrize("name", ["api", "API", "api.gtm.example.com", "api.gtm.example.com."])
def test_a_short_name_is_that_of_the_only_zone_that_has_it_online_and_offline(folder: Path, name: str) -> None:
    offline = gtm("explain", name, "10.2.0.1", *OFFLINE)
    assert (offline.code, offline.out.lower(), offline.err) == (0, WHOLE.lower(), "")
    (folder / "served").mkdir()
    with serving(folder / "served", a=SMALL) as node:
        ran = gtm("explain", name, "10.2.0.1", "--admin", node.at)
    assert (ran.code, ran.lines[0].lower()) == (0, "question    api.gtm.example.com. a, from 10.2.0.1")


@pytest.mark.slow
def test_a_short_name_that_several_zones_have_is_refused_with_all_of_them(tmp_path: Path) -> None:
    for name in ("files", "served"):
        (tmp_path / name).mkdir()
    (tmp_path / "files" / "a.yaml").write_text(OWN)
    (tmp_path / "files" / "b.yaml").write_text(OTHER)
    with serving(tmp_path / "served", a=OWN, b=OTHER) as node:
        for where in (("--admin", node.at), ("--zones", str(tmp_path / "files"))):
            ran = gtm("explain", "api", "10.2.0.1", *where)
            assert (ran.code, ran.out) == (2, "")
            words = 'name: "api" could mean api.gtm.example.com, api.gtm.example.net; say which'
            assert words in " ".join(ran.err.replace("\u2502", " ").split())
            only = gtm("explain", "only", "10.2.0.1", *where)
            assert (only.code, only.lines[0]) == (0, "question    only.gtm.example.com. A, from 10.2.0.1")
            zone = gtm("explain", "api.gtm.example.net", "10.2.0.1", *where)
            assert (zone.code, zone.lines[2].partition("zone ")[2]) == (0, "gtm.example.net.")


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("apj", '"apj" is the name of nothing here; did you mean "api"?'),
        (
            "apl.gtm.example.com",
            '"apl.gtm.example.com" is the name of nothing here; did you mean "api.gtm.example.com"?',
        ),
        ("api.", '"api" is the name of nothing here'),
        ("www.example.org", '"www.example.org" is the name of nothing here'),
    ],
)
def test_the_name_of_nobody_ends_with_1_and_what_may_be_meant(
    tmp_path: Path, name: str, words: str, form: list[str]
) -> None:
    with serving(tmp_path, a=SMALL) as node:
        ran = gtm("explain", name, "10.2.0.1", "--admin", node.at, *form)
    assert (ran.code, ran.err) == (1, f"{words}\n")
    assert json.loads(ran.out)["nobodys"] == words if form else ran.lines[0].startswith("question ")
