"""RFC 2181: RRsets (5), truncation (9), aliases (10.1)."""

import dns.message

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import flag, query, values

SAME = """
  same:
    steer: [nearest, shuffle]
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: us-east, address: 192.0.2.2}
  everywhere:
    steer: round-robin
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2}
  some:
    steer: multivalue
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.1}
  all:
    steer: [up]
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.1}
  mixed:
    steer: [shuffle]
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: us-east, target: a.example.net.}
      - {region: us-east, target: b.example.net.}
"""


def test_5_2_all_records_of_an_rrset_have_one_ttl(serving: Engine) -> None:
    message = world.respond(serving, query("many").to_wire())
    assert message is not None
    assert set(_ttls(message)) == {60}


def test_5_an_rrset_has_no_record_twice(engine: Engine) -> None:
    engine.swap(world.plan(world.services(SAME)))
    for name in ("everywhere", "some", "all"):
        for coin in range(6):
            answer = world.respond(engine, query(name).to_wire(), coin=coin)
            assert answer is not None
            records = world.records_of(answer)
            assert len(records) == len(set(records)), name


def test_9_a_truncated_answer_has_no_partial_rrset(serving: Engine) -> None:
    message = world.answer(serving, query("big", "TXT"))
    assert flag(message, "TC")
    assert not any(message.sections[1:])


def test_10_1_a_cname_stands_alone(engine: Engine) -> None:
    engine.swap(world.plan(world.services(SAME)))
    kinds = set()
    for coin in range(60):
        message = world.answer(engine, query("mixed"), coin=coin)
        aliases, addresses = values(message.answer, "CNAME"), values(message.answer)
        assert (len(aliases), len(addresses)) in {(1, 0), (0, 1)}
        kinds.add(len(aliases))
    assert kinds == {0, 1}


def _ttls(wire: bytes) -> list[int]:
    return [rrset.ttl for rrset in dns.message.from_wire(wire, one_rr_per_rrset=True).answer]
