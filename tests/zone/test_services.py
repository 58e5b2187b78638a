import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}, two: {}}
services:
  api:
    steer: weighted
"""


def problems(*endpoints: str, on_all_down: str = "serve_all") -> list[str]:
    text = (
        HEAD
        + f"    on_all_down: {on_all_down}\n    endpoints:\n"
        + "".join(f"      - {{{endpoint}}}\n" for endpoint in endpoints)
    )
    try:
        parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    except ZoneInvalid as invalid:
        return [problem.message for problem in invalid.problems]
    return []


ONE, TWO = "region: one, address: 192.0.2.1", "region: two, address: 192.0.2.2"


def test_the_same_address_may_serve_two_regions() -> None:
    assert problems(ONE, "region: two, address: 192.0.2.1") == []


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("address: 192.0.2.1", "address: 192.0.2.1, weight: 3", "192.0.2.1"),
        ("address: '2001:db8::1'", "address: '2001:DB8:0::1'", "2001:db8::1"),
        ("target: www", "target: WWW.example.com.", "WWW.example.com"),
    ],
)
def test_an_endpoint_is_named_once(first: str, second: str, name: str) -> None:
    assert problems(f"region: one, {first}", f"region: one, {second}") == [
        f"duplicate endpoint one/{name}; the first one is on line 10"
    ]


def test_a_last_resort_and_its_on_all_down_need_each_other() -> None:
    last = f"{TWO}, last_resort: true"
    assert problems(ONE, last, on_all_down="last_resort") == []
    assert problems(ONE, last) == ["a last_resort endpoint is never answered without on_all_down: last_resort"]
    assert problems(ONE, on_all_down="last_resort") == [
        "on_all_down: last_resort needs an endpoint with last_resort: true"
    ]


def test_not_everything_is_a_last_resort() -> None:
    assert problems(f"{ONE}, last_resort: true", on_all_down="last_resort") == [
        "every endpoint is a last_resort; a last resort needs others before it"
    ]


def test_a_family_is_not_all_last_resort() -> None:
    # Whoever asks for AAAA would get the last resort while everything is up.
    last = "region: two, address: '2001:db8::2', last_resort: true"
    assert problems(ONE, last, on_all_down="last_resort") == [
        "the AAAA endpoints are all last_resort; a last resort needs others before it"
    ]
    assert problems(ONE, last, "region: one, address: '2001:db8::1'", on_all_down="last_resort") == []
    assert problems("region: one, target: www", last, on_all_down="last_resort") == []


def test_a_last_resort_may_be_a_target() -> None:
    last = "region: two, target: sorry.example.net., last_resort: true"
    assert problems(ONE, last, on_all_down="last_resort") == []


def test_a_service_with_a_mistake_is_not_told_what_it_lacks() -> None:
    assert problems(f"{ONE}, last_resort: maybe", TWO, on_all_down="last_resort") == [
        'expected true or false, not "maybe"'
    ]
