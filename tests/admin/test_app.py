import asyncio
import ipaddress
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import quote, urlencode

import dns.name
import dns.rdatatype
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gtm.admin.app import open_admin
from gtm.admin.dns_question import parse_question
from gtm.admin.views import NodeStatus, RegionList, Reloaded
from gtm.errors import ListenFailed
from gtm.explain.explain import Explanation
from gtm.health.belief import Belief
from gtm.health.regions import RegionState
from tests.admin.served import BEARER, Served, serving
from tests.fakes import world
from tests.node.present import BROKEN, SMALL

ROUTES = {
    "/v1/status": "GET",
    "/v1/regions": "GET",
    "/v1/explain": "GET",
    "/v1/reload": "POST",
    "/v1/reports": "GET",
    "/v1/events": "GET",
    "/metrics": "GET",
    "/livez": "GET",
    "/readyz": "GET",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A node that serves the world; tests that change it make their own."""
    with serving(tmp_path_factory.mktemp("node"), world=world.WORLD) as node:
        node.planner.take_status(world.status(world.down("192.0.2.20", "192.0.2.90", "192.0.2.50"), world.zone()))
        yield node


def explain_target(name: str, client: str, rtype: str = "A") -> str:
    return "/v1/explain?" + urlencode({"name": name, "type": rtype, "client": client})


def test_the_status_is_a_node_status_and_nothing_is_lost_on_the_way(served: Served) -> None:
    answer = served.ask("GET", "/v1/status")
    assert (answer.status, answer.type) == (200, "application/json")
    status = TypeAdapter(NodeStatus).validate_json(answer.body)
    assert status == served.subject.status()
    assert json.loads(TypeAdapter(NodeStatus).dump_json(status)) == answer.json
    assert status.node == "ns1"
    assert status.ready
    assert [zone.zone for zone in status.zones] == ["gtm.example.com"]
    [api] = [service for service in status.services if service.service == "api.gtm.example.com"]
    assert [endpoint.belief for endpoint in api.endpoints if endpoint.endpoint == "eu-west/192.0.2.20"] == [Belief.DOWN]


def test_the_regions_are_regions(served: Served) -> None:
    answer = served.ask("GET", "/v1/regions")
    regions = TypeAdapter(RegionList).validate_json(answer.body)
    assert regions == served.subject.regions()
    assert {region.region: region.state for region in regions.regions} == {
        "us-east": RegionState.DEGRADED,
        "eu-west": RegionState.DEGRADED,
        "ap-southeast": RegionState.UP,
    }


@pytest.mark.parametrize("name", ["api", "www", "weighted", "robin", "many", "alias", "x.tenant", "nope", "broken", ""])
@pytest.mark.parametrize("rtype", ["A", "AAAA", "MX", "ANY", "CNAME", "TYPE65280"])
def test_every_explanation_is_one_on_the_other_side_too(served: Served, name: str, rtype: str) -> None:
    full = f"{name}.gtm.example.com" if name else "gtm.example.com"
    answer = served.ask("GET", explain_target(full, world.EU, rtype))
    assert answer.status == 200
    explained = TypeAdapter(Explanation).validate_json(answer.body)
    assert explained == served.subject.explain(*parse_question(full, rtype, world.EU))


@pytest.mark.slow
def test_the_answer_that_explain_shows_is_the_engines_for_many_clients(served: Served) -> None:
    random = Random(53)
    names = ["api", "v4", "failover", "weighted", "www", "alias", "x.tenant", "spare", "good", "mail"]
    for _ in range(150):
        client = str(
            ipaddress.IPv4Address(random.choice([0x0A010000, 0x0A020000, 0x0A030000, 0]) + random.getrandbits(16))
        )
        name, rtype = f"{random.choice(names)}.gtm.example.com", random.choice(["A", "AAAA"])
        explained = TypeAdapter(Explanation).validate_json(served.ask("GET", explain_target(name, client, rtype)).body)
        reply = world.answer(served.engine, world.query(f"{name}.", rtype, subnet=f"{client}/32"))
        records = [
            line
            for section in (reply.answer, reply.authority)
            for rrset in section
            for line in rrset.to_text().splitlines()
        ]
        assert list(explained.answer[1:]) == records
        if explained.steered is not None and explained.steered.chances:
            assert world.scope(reply) is not None


BAD_QUESTIONS = [
    ("", "A", world.EU, "name: the DNS name to explain is missing"),
    ("a..b", "A", world.EU, 'name: "a..b" is not a DNS name'),
    ("x" * 64, "A", world.EU, f'name: "{"x" * 64}" is not a DNS name'),
    ("a." * 200, "A", world.EU, f'name: "{"a." * 40}..." is not a DNS name'),
    ("\\999", "A", world.EU, 'name: "\\999" is not a DNS name'),
    ("api", "B", world.EU, 'type: "B" is not a DNS type such as A, AAAA or TYPE65'),
    ("api", "", world.EU, 'type: "" is not a DNS type such as A, AAAA or TYPE65'),
    ("api", "TYPE65536", world.EU, 'type: "TYPE65536" is not a DNS type such as A, AAAA or TYPE65'),
    ("api", "TYPE" + "9" * 5000, world.EU, f'type: "TYPE{"9" * 76}..." is not a DNS type such as A, AAAA or TYPE65'),
    ("api", "TYPE²", world.EU, 'type: "TYPE²" is not a DNS type such as A, AAAA or TYPE65'),
    ("api", "A", "", "client: the client's address is missing"),
    ("api", "A", "10.2.0.1/24", 'client: "10.2.0.1/24" is not an IP address'),
    ("api", "A", "1" * 500, f'client: "{"1" * 80}..." is not an IP address'),
    ("api", "A", "10.2.0.1\0", 'client: "10.2.0.1\0" is not an IP address'),
    ("api", "A", "fe80::1%eth0", 'client: "fe80::1%eth0" has a zone, which means nothing to others; leave out the "%"'),
]


@pytest.mark.parametrize(("name", "rtype", "client", "words"), BAD_QUESTIONS)
def test_a_bad_question_gets_400_and_the_reason(served: Served, name: str, rtype: str, client: str, words: str) -> None:
    answer = served.ask("GET", explain_target(name, client, rtype))
    assert (answer.status, answer.type) == (400, "application/json")
    assert answer.json == {"error": words}


def test_a_question_without_anything_in_it_gets_400(served: Served) -> None:
    assert served.ask("GET", "/v1/explain").status == 400
    assert served.ask("GET", "/v1/explain?name=&type=&client=").status == 400


@pytest.mark.parametrize(
    "name", ["ü.gtm.example.com", "\0.gtm.example.com", "a\\.b.gtm.example.com", "*.gtm.example.com", "."]
)
def test_a_strange_name_is_a_name(served: Served, name: str) -> None:
    assert served.ask("GET", explain_target(name, world.EU)).status == 200


@pytest.mark.parametrize("client", ["0.0.0.0", "255.255.255.255", "::", "::1", "::ffff:10.2.0.1", "ff02::1"])
def test_any_address_can_be_a_client(served: Served, client: str) -> None:
    assert served.ask("GET", explain_target("api.gtm.example.com", client)).status == 200


def test_a_mapped_client_is_the_ipv4_client_in_it(served: Served) -> None:
    mapped = served.ask("GET", explain_target("api.gtm.example.com", "::ffff:10.2.0.1")).json
    assert mapped == served.ask("GET", explain_target("api.gtm.example.com", "10.2.0.1")).json


@pytest.mark.parametrize(
    "target", ["/", "/v1", "/v1/", "/v1/status/", "/v2/status", "/v1/status%00", "/favicon.ico", "//"]
)
def test_what_is_not_there_is_404_in_json(served: Served, target: str) -> None:
    answer = served.ask("GET", target)
    assert (answer.status, answer.type) == (404, "application/json")
    assert str(answer.json["error"]).endswith(": Not Found")


@pytest.mark.parametrize("target", ROUTES)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
def test_another_method_is_405_in_json_and_says_which_is_allowed(served: Served, target: str, method: str) -> None:
    answer = served.ask(method, target)
    assert (answer.status, answer.type) == (405, "application/json")
    assert answer.json == {"error": f"{method} {target}: Method Not Allowed"}
    assert ROUTES[target] in answer.allow.split(",")


def test_a_method_that_http_does_not_know_is_a_bad_request(served: Served) -> None:
    assert served.ask("BREW", "/livez").status in {400, 405}


def test_a_look_does_not_reload(served: Served) -> None:
    assert served.ask("GET", "/v1/reload").status == 405


def test_a_huge_body_is_harmless(served: Served) -> None:
    assert served.ask("POST", "/v1/reload", b"x" * 100_000).status == 200


def test_a_reload_gives_200_when_all_is_well_and_409_with_the_problems(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        good = node.ask("POST", "/v1/reload")
        assert (good.status, TypeAdapter(Reloaded).validate_json(good.body).problems) == (200, ())
        (node.folder / "a.yaml").write_text(BROKEN)
        bad = node.ask("POST", "/v1/reload")
        reloaded = TypeAdapter(Reloaded).validate_json(bad.body)
        assert bad.status == 409
        [problem] = reloaded.problems
        assert problem.endswith('unknown region "us-esat"; did you mean "us-east"?')
        assert problem.startswith(str(node.folder / "a.yaml") + ":")
        assert reloaded.generation == node.planner.present.plan.generation
        status = TypeAdapter(NodeStatus).validate_json(node.ask("GET", "/v1/status").body)
        assert status.problems == reloaded.problems
        (node.folder / "a.yaml").write_text(SMALL.replace("192.0.2.2", "192.0.2.3"))
        assert node.ask("POST", "/v1/reload").status == 200
        assert TypeAdapter(NodeStatus).validate_json(node.ask("GET", "/v1/status").body).problems == ()


def test_a_failed_plan_shows_in_the_status(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.planner.present = replace(node.planner.present, failure="no plan can be made of this")
        status = TypeAdapter(NodeStatus).validate_json(node.ask("GET", "/v1/status").body)
        assert status.problems == ("no plan can be made of this",)


def test_a_node_is_live_from_the_start_and_ready_when_it_serves(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.is_warm = False
        assert node.ask("GET", "/livez").body == b"live\n"
        answer = node.ask("GET", "/readyz")
        why = "it waits for the first health: nothing is known of 2 of 2 checks yet"
        assert (answer.status, answer.type, answer.body.decode()) == (503, "text/plain", f"not ready: {why}\n")
        asked = node.ask("GET", "/readyz", headers={"Accept": "application/json"})
        assert (asked.status, asked.json) == (503, {"ready": False, "why": why})
        assert TypeAdapter(NodeStatus).validate_json(node.ask("GET", "/v1/status").body).unready == why
        node.is_warm = True
        answer = node.ask("GET", "/readyz")
        assert (answer.status, answer.body) == (200, b"ready\n")
        asked = node.ask("GET", "/readyz", headers={"Accept": "application/json"})
        assert (asked.status, asked.json) == (200, {"ready": True})


def test_a_node_without_zones_is_not_ready(tmp_path: Path) -> None:
    with serving(tmp_path) as node:
        answer = node.ask("GET", "/readyz")
        assert (answer.status, answer.body.decode().count("\n")) == (503, 1)
        assert answer.body.startswith(b"not ready: it serves no zone: ")
        assert node.ask("GET", "/livez").status == 200
        assert node.ask("GET", "/v1/status").status == 200
        assert node.ask("GET", "/v1/regions").json["regions"] == []
        assert node.ask("GET", explain_target("a.example", world.EU)).json["answer"] == ["REFUSED"]


def test_reports_are_given(served: Served) -> None:
    assert served.ask("GET", "/v1/reports").status == 200
    assert served.ask("GET", "/v1/reports?wait=never").status == 400


def test_a_mistake_of_ours_is_a_500_without_details_and_a_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, a=SMALL) as node:

        def fails() -> None:
            raise RuntimeError("a secret")

        monkeypatch.setattr(node.subject, "regions", fails)
        with caplog.at_level(logging.ERROR):
            answer = node.ask("GET", "/v1/regions")
    assert (answer.status, answer.json) == (500, {"error": "internal error; the log of the node says more"})
    assert "a secret" in caplog.text


def test_a_taken_port_is_said(served: Served) -> None:
    with pytest.raises(
        ListenFailed, match=rf"cannot serve the admin API on 127.0.0.1:{served.port}: address already in use"
    ):
        asyncio.run(open_admin("127.0.0.1", served.port, served.routes()))


targets = st.sampled_from([*ROUTES, "/", "/v1/nothing"])
raw_query = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=120)
pairs = st.lists(
    st.tuples(st.sampled_from(["name", "type", "client", "wait", "have", "x"]), st.text(max_size=30)), max_size=4
).map(lambda some: urlencode(some, errors="surrogatepass"))
raw_bytes = st.binary(max_size=40).map(lambda raw: "name=" + quote(raw) + "&client=10.2.0.1")


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]), targets, raw_query | pairs | raw_bytes)
@example("GET", "/v1/explain", "name=%FF&client=10.2.0.1")
@example("GET", "/v1/explain", "name=%ED%A0%80&client=10.2.0.1")
@example("GET", "/v1/explain", "name=a&type=OPT&client=10.2.0.1")
def test_no_query_of_any_kind_is_our_mistake(served: Served, method: str, target: str, query: str) -> None:
    if "wait" in query and "reports" in target:
        return  # a long poll is not refused but waited for
    answer = served.ask(method, f"{target}?{query}")
    assert answer.status in {200, 304, 400, 404, 405}
    if answer.body and "have" not in query:
        assert answer.type in {"application/json", "text/plain"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["api.gtm.example.com", "alias.gtm.example.com", "nope.example.org"])
def test_every_type_there_is_can_be_explained(served: Served, name: str) -> None:
    for number in [*range(260), 32768, 32769, 65280, 65535]:
        rtype = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
        explained = served.subject.explain(*parse_question(name, rtype, world.EU))
        assert explained.answer, rtype
        assert explained.rtype == rtype


names = st.text(max_size=40) | st.lists(st.binary(min_size=1, max_size=20), max_size=4).map(
    lambda labels: dns.name.Name([*labels, b"gtm", b"example", b"com", b""]).to_text()
)
addresses = st.ip_addresses().map(str)


@pytest.mark.slow
@settings(max_examples=300)
@given(names, st.sampled_from(["A", "AAAA", "ANY", "NS", "DS", "SOA", "TYPE0", "OPT"]), addresses)
def test_what_can_be_parsed_can_be_explained(served: Served, name: str, rtype: str, client: str) -> None:
    try:
        question = parse_question(name, rtype, client)
    except ValueError:
        return
    explained = served.subject.explain(*question)
    again = TypeAdapter(Explanation).validate_json(TypeAdapter(Explanation).dump_json(explained))
    assert again == explained


MANY = SMALL + "".join(f"  h{number:02}: {{A: [192.0.2.9]}}\n" for number in range(40))


def test_a_zone_that_loses_most_takes_a_credential_to_force_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, a=MANY) as node:
        (node.folder / "a.yaml").write_text(SMALL)
        held = node.ask("POST", "/v1/reload")
        assert (held.status, "it would lose 40 of 42 names" in held.body.decode()) == (409, True)
        status = TypeAdapter(NodeStatus).validate_json(node.ask("GET", "/v1/status").body)
        assert ["gtm reload --force gtm.example.com" in problem for problem in status.problems] == [True]
        assert 'gtm_zone_held{zone="gtm.example.com"} 1.0' in node.ask("GET", "/metrics").body.decode()

        stranger = node.ask("POST", "/v1/reload?force=gtm.example.com")
        assert (stranger.status, stranger.challenge) == (401, 'Bearer realm="gtm"')
        unknown = node.ask("POST", "/v1/reload?force=other.example.com", headers=BEARER)
        assert (unknown.status, unknown.json["error"]) == (
            404,
            'force: no zone "other.example.com" serves here; `gtm status` lists those that do',
        )
        for bad in ("", "a..b"):
            assert node.ask("POST", f"/v1/reload?force={bad}", headers=BEARER).status == 400
        assert len(node.planner.present.catalogue.zones[0].records) == 42

        taken = node.ask("POST", "/v1/reload?force=GTM.example.com.", headers=BEARER)
        assert (taken.status, taken.json["problems"]) == (200, [])
        assert len(node.planner.present.catalogue.zones[0].records) == 2
        assert 'gtm_zone_held{zone="gtm.example.com"} 0.0' in node.ask("GET", "/metrics").body.decode()
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("audit:")]
    assert said == ["audit: reload forced from token deploy at 127.0.0.1: GTM.example.com"]
