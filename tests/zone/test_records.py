import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.model import RRset, Zone
from gtm.zone.parse import NO_SHARED, parse
from gtm.zone.records import MAX_RRSET_BYTES
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """zone: example.com
ttl: 60
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
records:
"""


def read(*lines: str) -> Zone:
    return parse(HEAD + "".join(f"  {line}\n" for line in lines), "zone.yaml", NO_SHARED, FAKE_VOCABULARY)


def records(*lines: str) -> tuple[RRset, ...]:
    return read(*lines).records


def problems(*lines: str) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        records(*lines)
    return [problem.message for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("value", "ttl"),
    [
        ("192.0.2.1", 60),
        ("[192.0.2.1]", 60),
        ("{values: 192.0.2.1}", 60),
        ("{ttl: 5m, values: 192.0.2.1}", 300),
        ("{ttl: 0, values: [192.0.2.1]}", 0),
        ("{ttl: 2147483647, values: [192.0.2.1]}", 2**31 - 1),
    ],
)
def test_one_value_a_list_and_the_long_form_say_the_same(value: str, ttl: int) -> None:
    (rrset,) = records(f"www: {{A: {value}}}")
    assert (rrset.ttl, rrset.rdatas) == (ttl, (b"\xc0\x00\x02\x01",))


def test_values_that_differ_only_in_the_case_of_a_name_are_the_same() -> None:
    """An RRset has no two equal values, and whoever meets one suppresses it: RFC 2181 5."""
    zone = read("'@': {MX: [10 mx, 10 MX, 20 mx]}", "www: {A: {ttl: 5, values: [192.0.2.1, 192.0.2.1]}}")
    assert [len(rrset.rdatas) for rrset in zone.records] == [2, 1]
    assert [str(warning) for warning in zone.warnings] == [
        'zone.yaml:6:21: duplicate value "10 MX", left out; the first one is on line 6',
        'zone.yaml:7:41: duplicate value "192.0.2.1", left out; the first one is on line 7',
    ]


def test_an_alias_with_the_same_target_twice_is_one_alias() -> None:
    assert [rrset.rdatas for rrset in records("www: {CNAME: [other, Other]}")] == [(b"\5other\7example\3com\0",)]


def test_values_that_differ_in_the_case_of_text_are_not() -> None:
    (rrset,) = records("'@': {TXT: [a, A]}")
    assert len(rrset.rdatas) == 2


def test_a_type_may_not_be_given_under_two_names() -> None:
    assert problems("www: {A: 192.0.2.1, TYPE1: 192.0.2.2}") == ["TYPE1 is the same type as A on line 6"]


def test_a_record_that_no_message_can_hold_is_refused() -> None:
    values = ", ".join(f"{index:05}{'x' * 200}" for index in range(400))
    (message,) = problems(f"big: {{TXT: [{values}]}}")
    assert message.endswith(f"no answer can hold more than {MAX_RRSET_BYTES}")


def test_every_mistake_of_a_list_is_told() -> None:
    assert len(problems("www: {A: [1.2.3, 192.0.2.1, 1.2.3.4.5], AAAA: ['::1', x]}")) == 3


@pytest.mark.parametrize("rtype", ["SOA", "DNAME", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY"])
def test_types_that_the_server_makes_or_does_not_know_are_refused(rtype: str) -> None:
    (message,) = problems(f"www: {{{rtype}: x}}")
    assert message
    assert "unknown" not in message


def test_a_final_dot_is_missed_only_where_it_is() -> None:
    assert records("www: {CNAME: web.example.com.}")
    assert records("www: {CNAME: web.example.com.example.com.}")
    assert "without a final dot" in problems("'@': {MX: 10 mx.example.com}")[0]
