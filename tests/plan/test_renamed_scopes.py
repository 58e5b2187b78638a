"""What scopes follow when zone files rename what they name, and what they do not."""

import pytest

from gtm.health.override.scope import EndpointRef, parse_scope
from gtm.ids import EndpointId, RegionName, ServiceId
from gtm.plan.renamed_scopes import NO_LAYOUT, Layout, followed, layout_of

ZONE = "g.test"
BEFORE = "api: us/1 eu/2 eu/3; www: us/11 eu/12"


def layout(text: str, *, zone: str = ZONE) -> Layout:
    return layout_of(_endpoint_refs(text, zone))


def _endpoint_refs(text: str, zone: str) -> list[EndpointRef]:
    found = []
    for part in text.split(";"):
        name, _, ends = part.partition(":")
        service = ServiceId(f"{name.strip()}.{zone}")
        found += [
            EndpointRef(zone, service, RegionName(end.partition("/")[0]), EndpointId(end)) for end in ends.split()
        ]
    return found


def now(scope: str, after: str, before: str = BEFORE) -> list[str]:
    return [str(one) for one in followed(parse_scope(scope), layout(before), layout(after))]


EU, API, TWO = "region g.test/eu", "service api.g.test", "endpoint api.g.test eu/2"


@pytest.mark.parametrize(
    ("scope", "after", "expected"),
    [
        # a region under another name, also where some of it went or something new came, and where services differ
        (EU, "api: us/1 de/2 de/3; www: us/11 de/12", "region g.test/de"),
        (EU, "api: us/1 de/2; www: us/11", "region g.test/de"),
        (EU, "api: us/1 de/2 de/3 de/4; www: us/11 de/12", "region g.test/de"),
        ("region */eu", "api: us/1 de/2 de/3; www: us/11 de/12", "region */de"),
        # a service under another name, its regions too
        (API, "api2: us/1 eu/2 eu/3; www: us/11 eu/12", "service api2.g.test"),
        (API, "api2: us/1 de/2 de/3; www: us/11 de/12", "service api2.g.test"),
        # an endpoint: another address, or its region, or its service
        (TWO, "api: us/1 eu/9 eu/3; www: us/11 eu/12", "endpoint api.g.test eu/9"),
        (TWO, "api: us/1 de/2 de/3; www: us/11 de/12", "endpoint api.g.test de/2"),
        (TWO, "api: us/1 de/9 de/3; www: us/11 de/12", "endpoint api.g.test de/9"),
        (TWO, "api2: us/1 eu/2 eu/3; www: us/11 eu/12", "endpoint api2.g.test eu/2"),
        (TWO, "api: us/1 us/2 eu/3; www: us/11 eu/12", "endpoint api.g.test us/2"),
        # what is still there
        (EU, "api: us/1 eu/9; www: us/11", EU),
        (API, "api: us/9; api2: us/1 eu/2 eu/3; www: us/11 eu/12", API),
        ("zone g.test", "api: us/1", "zone g.test"),
    ],
)
def test_a_scope_follows_what_it_named(scope: str, after: str, expected: str) -> None:
    assert now(scope, after) == [expected]


@pytest.mark.parametrize(
    ("scope", "after"),
    [
        (EU, "api: us/1; www: us/11"),  # it went
        (EU, "api: us/1 us/2 us/3; www: us/11 us/12"),  # into a region that was there
        (EU, "api: us/1 de/2 fr/3; www: us/11 de/12"),  # into two
        (EU, "api: de/1 de/2 de/3; www: de/11 de/12"),  # together with another one
        (EU, "api: us/1 de/8 de/9; www: us/11 de/10"),  # all of it is new
        (API, "www: us/11 eu/12"),
        (API, "a: us/1 eu/2 eu/3; b: us/1 eu/2 eu/3; www: us/11 eu/12"),  # either
        (API, "api2: us/1 eu/2; www: us/11 eu/12"),
        (TWO, "api: us/1 eu/3; www: us/11 eu/12"),
        (TWO, "api: us/1 eu/8 eu/9; www: us/11 eu/12"),  # which of the two
        (TWO, "www: us/11 eu/12"),
        ("zone g.test", ""),
    ],
)
def test_where_it_cannot_be_told_nothing_is_guessed(scope: str, after: str) -> None:
    assert now(scope, after) == []


def test_of_two_services_with_the_same_endpoints_neither_is_taken_for_the_other() -> None:
    both = "a: us/1 eu/2; b: us/1 eu/2"
    assert now("service a.g.test", "b: us/1 eu/2", both) == []
    assert now("service a.g.test", "c: us/1 eu/2; d: us/1 eu/2", both) == []
    assert now("service a.g.test", "b: us/1 eu/2; c: us/1 eu/2", both) == ["service c.g.test"]


def test_a_region_of_every_zone_follows_zone_by_zone() -> None:
    one, two = _endpoint_refs("api: us/1 eu/2", "a.test"), _endpoint_refs("api: us/1 eu/2", "b.test")
    renamed = _endpoint_refs("api: us/1 de/2", "b.test")
    scope = parse_scope("region */eu")
    found = followed(scope, layout_of([*one, *two]), layout_of([*one, *renamed]))
    assert [str(each) for each in found] == ["region */eu", "region b.test/de"]


def test_what_was_never_here_follows_nothing() -> None:
    assert followed(parse_scope(EU), NO_LAYOUT, layout("api: us/1 de/2")) == ()
    assert followed(parse_scope("endpoint x.g.test eu/2"), layout(BEFORE), layout("api: us/1 eu/2")) == ()
