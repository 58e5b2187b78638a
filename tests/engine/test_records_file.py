"""What a records file says is what every engine answers: exported lines, oddities, included and generated records."""

import pytest

from gtm.engine.protocol import Engine
from gtm.errors import TextInvalid
from gtm.steer.vocabulary import STEERING
from gtm.zone.parse import NO_SHARED, parse
from gtm.zone.records_file.parse import MasterFile
from tests.fakes import world

RECORDS = b"""$ORIGIN gtm.example.com.
@           3600 IN SOA ns.example.com. host.example.com. 1 2 3 4 5
@           3600 IN NS ns9.example.com.
h.gtm.example.com. 300 IN HTTPS 1 . alpn="h2,h3" port=443
twice       60 IN A 192.0.2.1
twice       30 IN A 192.0.2.1
twice       90 IN A 192.0.2.2
$GENERATE 1-3 g$ A 192.0.2.${10}
$INCLUDE more.zone sub
"""
MORE = b"@ MB host\nn NID 10 14:4fff:ff20:ee64\n"


@pytest.fixture
def answering(engine: Engine) -> Engine:
    """An engine that serves the records file."""

    def include(name: str) -> bytes:
        if name != "more.zone":
            raise TextInvalid(name)
        return MORE

    master = MasterFile("test.zone", RECORDS, None, include)
    text = f"records_file: test.zone\n{world.HEAD}\nrecords:{world.NS1}"
    zone = parse(text, "test.yaml", NO_SHARED, STEERING, lambda _: master)
    assert len(zone.warnings) == 4
    engine.swap(world.plan(zone))
    return engine


@pytest.mark.parametrize(
    ("name", "rtype", "ttl", "values"),
    [
        ("h", "HTTPS", 300, ['1 . alpn="h2,h3" port="443"']),
        ("twice", "A", 30, ["192.0.2.1", "192.0.2.2"]),
        ("g1", "A", 90, ["192.0.2.11"]),
        ("g3", "A", 90, ["192.0.2.13"]),
        ("sub", "MB", 90, [r"\# 26 04686f7374037375620367746d076578616d706c6503636f6d00"]),
        ("n.sub", "NID", 90, ["10 0014:4fff:ff20:ee64"]),
        ("@", "NS", 60, ["ns1.gtm.example.com.", "ns2.example.net."]),
    ],
)
def test_what_the_file_says_is_answered(answering: Engine, name: str, rtype: str, ttl: int, values: list[str]) -> None:
    answer = world.answer(answering, world.query(name, rtype)).answer
    assert [(rrset.ttl, sorted(rdata.to_text() for rdata in rrset)) for rrset in answer] == [(ttl, values)]
