import pytest
from dns.name import root

from gtm.config.reader import parse_document
from gtm.zone.grammar import ZONE_FILE
from gtm.zone.references import ReferenceContext
from gtm.zone.schema import ZoneEntry
from gtm.zone.validate import Validated, validate
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = "zone: example.com\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\n"


def validated(text: str) -> Validated[ZoneEntry]:
    scope = ReferenceContext(root, frozenset({"one"}), frozenset(), FAKE_VOCABULARY)
    return validate(ZoneEntry, parse_document(text, "zone.yaml", ZONE_FILE), scope)


def test_a_file_without_mistakes_is_whole() -> None:
    result = validated(HEAD)
    assert result.entry is not None
    assert (result.problems, result.cuts) == ((), frozenset())
    assert result.is_whole(())


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("ttl: x\n", ("ttl",)),
        ("regions: {one: {bias: x}}\n", ("regions", "one", "bias")),
        ("regions: {o/ne: {}}\n", ("regions", "o/ne")),
        ("regions: [one]\n", ("regions",)),
        ("monitors: {m: {type: udp}}\n", ("monitors", "m")),
        ("monitors: {m: {type: http, x: 1}}\n", ("monitors", "m", "x")),
        ("records: {a: {A: 5}, b: {A: 192.0.2.1}}\n", ("records", "a", "A")),
        ("records: {a: {A: [192.0.2.1, 5]}}\n", ("records", "a", "A")),
        ("records: {a: {A: {values: [192.0.2.1, 5]}}}\n", ("records", "a", "A")),
        ("services: {s: {steer: weighted, endpoints: []}}\n", ("services", "s")),
        ("services: {s: {steer: weighted, endpoints: [{region: one}]}}\n", ("services", "s")),
    ],
)
def test_a_mistake_is_cut_out_with_as_little_as_possible_around_it(text: str, cut: tuple[str, ...]) -> None:
    result = validated(HEAD + text)
    assert len(result.problems) == 1
    assert result.entry is not None
    assert cut in result.cuts
    assert all(each[:2] == cut[:2] for each in result.cuts)
    assert not result.is_whole(cut[:1])
    assert result.is_whole(("elsewhere",))


def test_an_endpoint_with_a_bad_weight_still_has_its_address() -> None:
    text = "services: {s: {steer: weighted, endpoints: [{region: one, address: 192.0.2.1, weight: x}]}}\n"
    result = validated(HEAD + text)
    assert result.entry is not None
    assert str(result.entry.services["s"].endpoints[0].address) == "192.0.2.1"


@pytest.mark.parametrize("text", ["zone: example..com\n", "ttl: 60\n"])
def test_without_the_name_of_the_zone_there_is_no_entry(text: str) -> None:
    result = validated(text)
    assert result.entry is None
    assert result.problems


def test_other_keys_that_a_zone_must_have_do_not_end_the_search() -> None:
    result = validated("zone: example.com\nnameservers: []\nttl: x\n")
    assert result.entry is not None
    assert [problem.message.split(":")[0] for problem in result.problems] == [
        'missing key "hostmaster"',
        "a zone needs at least one nameserver",
        'expected a TTL such as 60 or 5m, not "x"',
    ]
