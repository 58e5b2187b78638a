"""A zone file and its records file are one zone: what they may say of the same names, and of each other's."""

import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.model import Zone
from tests.fakes import world

HEAD = "zone: z.test\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\n"
IN_ZONE = HEAD.replace("ns.example.net", "ns.z.test")


def zone(text: str, records: str) -> Zone:
    return world.zone(HEAD + text, records=records)


def problems(text: str, records: str) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        world.zone(text, records=records)
    return [str(problem) for problem in raised.value.problems]


def test_the_records_file_stays_packed_and_the_zone_file_does_not_have_its_records() -> None:
    made = zone("records: {a: {A: 192.0.2.1}}", "a AAAA ::1\nb A 192.0.2.2\nc CNAME a\n")
    assert [record.rtype.name for record in made.records] == ["A"]
    assert made.bulk.values == 3
    assert made.records_file == "test.zone"


def test_another_records_file_is_another_digest() -> None:
    digests = {zone("", records).digest for records in ("a A 192.0.2.1", "a A 192.0.2.2", "a A 192.0.2.2\n")}
    assert len(digests) == 3


def test_ttls_of_the_zone_file_count_where_the_records_file_has_none() -> None:
    made = zone("ttl: 7", "a A 192.0.2.1")
    (rrset,) = made.bulk.find(b"\1a") or ()
    assert rrset.ttl == 7


@pytest.mark.parametrize(
    ("text", "records", "message"),
    [
        (
            "records: {a: {A: 192.0.2.1}}",
            "\na A 192.0.2.2",
            "test.yaml:5:15: A of this name is on line 2 of test.zone too",
        ),
        ("records: {a: {CNAME: b}}", "a TXT x", "test.yaml:5:15: a CNAME stands alone, but a also has TXT"),
        ("", "a CNAME b\na TXT x", "test.zone:1:1: a CNAME stands alone, but a also has TXT"),
        ("", "a CNAME b\na CNAME c", "test.zone:1:1: a CNAME has one value, not 2"),
        ("", "@ CNAME b", "test.zone:1:1: the zone itself cannot be an alias"),
        ("", "a CNAME b\nb CNAME a", "test.zone:1:1: these aliases form a loop: a -> b -> a"),
        ("records: {a: {CNAME: b}}", "b CNAME a", "test.yaml:5:22: these aliases form a loop: a -> b -> a"),
        ("", "*.w CNAME x.w", "test.zone:1:1: these aliases form a loop: *.w -> *.w"),
        ("", "sub NS ns.sub", "test.zone:1:1: this nameserver is in the zone and has no address"),
        ("", "*.w NS ns.example.net.", "test.zone:1:1: a wildcard cannot be a delegation"),
        ("", "a DS 1 13 2 " + "ab" * 32, "test.zone:1:1: a DS needs a delegation"),
        (
            "records: {sub: {NS: ns.example.net.}}",
            "x.sub A 192.0.2.1",
            "test.zone:1:1: this is below the delegation on line 5;",
        ),
        (
            "records: {x.sub: {A: 192.0.2.1}}",
            "; x\nsub NS ns.example.net.",
            "test.yaml:5:19: this is below the delegation on line 2 of test.zone;",
        ),
        (
            "",
            "sub NS ns.example.net.\nx.sub TXT x",
            "test.zone:2:1: this is below the delegation on line 1 of test.zone;",
        ),
    ],
)
def test_rules_hold_across_both_files(text: str, records: str, message: str) -> None:
    (problem,) = problems(f"{HEAD}{text}", records)
    assert problem.startswith(message)


def test_services_own_their_names_in_the_records_file_too() -> None:
    (problem,) = problems(
        world.HEAD
        + "\nservices:\n  api: {steer: weighted, endpoints: [{region: us-east, address: 192.0.2.1}]}\nrecords:"
        "\n  ns1: {A: 192.0.2.53}\n",
        "api A 192.0.2.9",
    )
    assert problem == 'test.zone:1:1: "api" is a service, which answers A itself'


def test_addresses_of_nameservers_may_be_in_either_file() -> None:
    assert world.zone(IN_ZONE, records="ns A 192.0.2.53").bulk.values == 1
    assert zone("records: {sub: {NS: ns.sub}}", "ns.sub A 192.0.2.54").bulk.values == 1
    assert zone("records: {ns.sub: {A: 192.0.2.54}}", "sub NS ns.sub").bulk.values == 1


def test_a_records_file_with_a_mistake_is_not_missed_twice() -> None:
    assert problems(IN_ZONE, "ns A x") == ['test.zone:1:1: "x" is not an A record; one looks like 192.0.2.1']


def test_without_its_folder_a_zone_file_says_what_it_lacks() -> None:
    with pytest.raises(ZoneInvalid, match=r"test\.yaml:4:15: big\.zone is not here"):
        world.zone(f"{HEAD}records_file: big.zone\n")


@pytest.mark.parametrize("name", ["../a.zone", "/a.zone", "a.txt", ".zone", "a/../b.zone", "..zone"])
def test_other_places_are_no_records_files(name: str) -> None:
    with pytest.raises(ZoneInvalid, match="file beside this one, or below, that ends in"):
        world.zone(f'{HEAD}records_file: "{name}"\n')
