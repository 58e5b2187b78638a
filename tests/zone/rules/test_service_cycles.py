"""Services that wait for others; the mistakes with their places are in tests/data/zones/bad."""

from gtm.errors import ZoneInvalid
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}}
"""
ENDPOINTS = "steer: weighted, endpoints: [{region: one, address: 192.0.2.1}]"


def problems(monitors: str, services: str, records: str = "{}") -> list[str]:
    text = f"{HEAD}monitors: {{{monitors}}}\nservices: {{{services}}}\nrecords: {records}\n"
    try:
        parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    except ZoneInvalid as invalid:
        return [problem.message for problem in invalid.problems]
    return []


def waiting(*names: str) -> str:
    return f"whole: {{type: calculated, all: [{', '.join(f'service {name}' for name in names)}]}}"


API = f"api: {{monitor: whole, {ENDPOINTS}}}"


def test_a_service_may_wait_for_another_of_its_zone() -> None:
    assert problems(waiting("db.example.com"), f"{API}, db: {{{ENDPOINTS}}}") == []
    assert problems(waiting("DB.example.com."), f"{API}, DB: {{{ENDPOINTS}}}") == [], "in any case"


def test_a_service_of_another_zone_cannot_be_judged() -> None:
    assert problems(waiting("db.example.org"), API) == []
    delegated = "{lab: {NS: ns.example.net.}}"
    assert problems(waiting("db.lab.example.com"), API, delegated) == []
    assert len(problems(waiting("db.lab.example.com"), API)) == 1


def test_what_nobody_uses_may_wait_for_anything() -> None:
    assert problems(waiting("gone.example.com"), f"api: {{{ENDPOINTS}}}") == []


def test_a_service_with_a_mistake_is_told_once() -> None:
    found = problems(waiting("db.example.com"), f"{API}, db: {{stear: weighted}}")
    assert not [message for message in found if "waits for" in message]


def test_a_circle_through_a_part_of_a_part_is_one() -> None:
    monitors = f"{waiting('api.example.com')}, more: {{type: calculated, any: [whole]}}"
    found = problems(monitors, f"api: {{monitor: more, {ENDPOINTS}}}")
    assert found == ["its monitor waits for the service itself: api.example.com -> api.example.com"]
