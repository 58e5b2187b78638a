import pytest
from dns.name import from_text

from gtm.errors import TextInvalid
from gtm.zone.names import owner_name, target_name

ZONE = from_text("example.com.")


def test_an_owner_is_in_the_zone() -> None:
    assert owner_name("@", ZONE) == ZONE
    assert owner_name("www", ZONE) == owner_name("WWW.example.com.", ZONE) == from_text("www.example.com.")


@pytest.mark.parametrize("text", ["www.example.org.", "com.", ".", "badexample.com."])
def test_an_owner_outside_the_zone_is_refused(text: str) -> None:
    with pytest.raises(TextInvalid, match="is outside the zone"):
        owner_name(text, ZONE)


@pytest.mark.parametrize("text", ["example.com", "www.example.com", "www.EXAMPLE.com"])
def test_a_forgotten_final_dot_is_noticed(text: str) -> None:
    for parse in (owner_name, target_name):
        with pytest.raises(TextInvalid, match="without a final dot means"):
            parse(text, ZONE)


def test_a_target_may_be_anywhere() -> None:
    assert target_name("lb.example.net.", ZONE) == from_text("lb.example.net.")
    assert target_name("lb", ZONE) == from_text("lb.example.com.")


def test_a_zone_too_long_to_be_doubled_can_have_names() -> None:
    zone = from_text(".".join(["a" * 60] * 3) + ".")
    assert owner_name("www", zone).is_subdomain(zone)
