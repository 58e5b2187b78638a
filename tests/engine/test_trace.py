"""The trace of an answer has the names that the reference engine visited, and changes no answer."""

from ipaddress import ip_address

import dns.message
import pytest
from dns.rdatatype import RdataType

from gtm.dns.name import text
from gtm.engine.protocol import Transport
from gtm.engine.reference import MAX_ALIASES, ReferenceEngine
from gtm.engine.trace import Trace
from tests.fakes import world

LONG = world.zone(
    f"{world.HEAD}\nrecords:\n  ns1: {{A: 192.0.2.53}}\n"
    + "".join(f"  c{number}: {{CNAME: c{number + 1}}}\n" for number in range(MAX_ALIASES + 2))
    + f"  c{MAX_ALIASES + 2}: {{A: 192.0.2.1}}\n"
)


def traced(zone: object, name: str, rtype: RdataType = RdataType.A) -> Trace:
    engine, trace = ReferenceEngine(), Trace()
    assert isinstance(zone, type(LONG))
    engine.swap(world.plan(zone, beliefs={}, geography=world.geography()))
    wire = dns.message.make_query(f"{name}.gtm.example.com.", rtype, id=0).to_wire()
    client = ip_address(world.EU)
    assert engine.respond(wire, client, Transport.UDP, 7, trace=trace) == engine.respond(wire, client, Transport.UDP, 7)
    return trace


def names(trace: Trace) -> list[str]:
    return [text(visit.name).removesuffix(".gtm.example.com.") for visit in trace.visits]


def test_an_alias_leads_to_the_service_that_decides() -> None:
    alias, service = traced(world.zone(), "WWW").visits
    assert (text(alias.name), alias.service, alias.steering) == ("www.gtm.example.com.", None, None)
    assert alias.alias == service.name
    assert service.service == "api.gtm.example.com"
    assert service.steering is not None
    assert {answer.endpoint for answer in service.steering.outcome.answers} == {
        "eu-west/192.0.2.20",
        "eu-west/192.0.2.21",
    }


@pytest.mark.parametrize(
    ("name", "rtype", "visited"),
    [
        ("nope", RdataType.A, []),
        ("x.sub", RdataType.A, []),
        ("ns1", RdataType.AXFR, []),
        ("far", RdataType.A, ["far"]),
        ("www", RdataType.CNAME, ["www"]),
        ("www", RdataType.ANY, ["www"]),
        ("www", RdataType.TXT, ["www", "api"]),
    ],
)
def test_only_names_that_exist_and_are_followed_are_visited(name: str, rtype: RdataType, visited: list[str]) -> None:
    assert names(traced(world.zone(), name, rtype)) == visited


def test_aliases_are_visited_as_far_as_they_are_followed() -> None:
    trace = traced(LONG, "c0")
    assert names(trace) == [f"c{number}" for number in range(MAX_ALIASES)]
    assert trace.visits[-1].alias is not None, "the last of them is answered, too"


def test_a_service_that_does_not_answer_the_type_decides_nothing() -> None:
    [visit] = traced(world.zone(), "v4", RdataType.AAAA).visits
    assert (visit.service, visit.steering) == ("v4.gtm.example.com", None)
