"""The name table of a zone with a records file: one table, whichever file a name is in."""

import pytest
from dns.rdatatype import RdataType

from gtm.plan.model import ZonePlan
from gtm.plan.name_table import zone_plan
from tests.fakes import world

ORIGIN = (b"z", b"test")
HEAD = "zone: z.test\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\n"
RECORDS = "www A 192.0.2.1\nboth TXT x\nx.y A 192.0.2.2\nsub NS ns.example.net.\n"


def plan(records: str = RECORDS) -> ZonePlan:
    return zone_plan(
        world.zone(f"{HEAD}records: {{both: {{A: 192.0.2.3}}, z.y: {{A: 192.0.2.4}}}}", records=records), 7
    )


def test_a_name_of_either_file_has_its_records() -> None:
    nodes = plan().nodes
    assert nodes[b"www", *ORIGIN].rrsets[RdataType.A].rdatas == (b"\xc0\0\2\1",)
    assert nodes[b"z", b"y", *ORIGIN].rrsets[RdataType.A].rdatas == (b"\xc0\0\2\4",)


def test_a_name_of_both_files_has_the_records_of_both() -> None:
    assert set(plan().nodes[b"both", *ORIGIN].rrsets) == {RdataType.A, RdataType.TXT}
    assert set(plan("@ TXT x").nodes[ORIGIN].rrsets) == {RdataType.SOA, RdataType.NS, RdataType.TXT}


def test_an_empty_non_terminal_exists_and_a_delegation_is_one() -> None:
    nodes = plan().nodes
    assert nodes[b"y", *ORIGIN].rrsets == {}
    assert nodes[b"sub", *ORIGIN].delegation
    assert not nodes[ORIGIN].delegation


@pytest.mark.parametrize("name", [(b"none", *ORIGIN), (b"www", b"other", b"test"), (b"test",), (), (b"x", b"y")])
def test_other_names_are_not_there(name: tuple[bytes, ...]) -> None:
    assert name not in plan().nodes


def test_every_name_is_told_once() -> None:
    nodes = plan().nodes
    names = list(nodes)
    assert len(names) == len(set(names)) == len(nodes)
    assert all(nodes[name] is not None for name in names)
    assert {name[0] for name in names} == {b"z", b"www", b"both", b"x", b"y", b"sub"}


def test_what_nothing_else_is_at_stays_packed() -> None:
    assert {name[0] for name in plan().own} == {b"z", b"both", b"y"}
