"""Which events of a night are about what somebody asks for."""

import pytest

from gtm.event import Fact, Recorded
from gtm.health.event_filter import Choice

Z = "gtm.example.com"
API, SHOP = f"api.{Z}", "shop.gtm.example.net"


def event(
    name: str, kind: str, subject: str, *, wall: float = 0.0, causes: tuple[str, ...] = (), **facts: Fact
) -> Recorded:
    return Recorded(name, f"gtm.{kind}", "", wall, 0.0, 1, "ns1", subject, "", facts, causes)


CHECK = f"{Z}/web/192.0.2.2"
OTHER = "gtm.example.net/web/192.0.2.9"
EU: tuple[str, ...] = (f"{Z}/eu-west",)

NIGHT = (
    event("applied", "config.applied", Z, added=(), changed=(Z,), removed=()),
    event("reading", "reading.decisive", CHECK),
    event("verdict", "verdict.changed", CHECK, causes=("reading",)),
    event("down", "endpoint.down", CHECK, wall=1.0, causes=("verdict",), services=(API,), services_count=1, regions=EU),
    event("region", "region.down", f"{Z}/eu-west", wall=1.0, causes=("down",), zone=Z),
    event("other", "endpoint.down", OTHER, services=(SHOP,), services_count=1, regions=("gtm.example.net/us-east",)),
    event("plan", "plan.swapped", "7", causes=("down", "other")),
    event("open", "name.fail_open", API, causes=("plan",)),
    event("shop", "name.fail_open", SHOP, causes=("plan",)),
    event("drain", "override.set", f"region {Z}/eu-west"),
    event("aside", "override.set", f"endpoint {API} us-east/192.0.2.1"),
    event("away", "override.set", "zone gtm.example.net"),
    event("blame", "safety.blocked", "checks"),
    event("crowd", "endpoint.down", "_shared/web/192.0.2.7", services=(SHOP,), services_count=40),
    event("quorum", "quorum.lost", "ns1"),
)

OF_API = [
    "applied", "reading", "verdict", "down", "region", "plan", "open", "drain", "aside", "blame", "crowd",
]  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        (Choice(), [one.id for one in NIGHT]),
        (Choice(services=("api",)), OF_API),
        (Choice(services=(API,)), OF_API),
        (Choice(services=("API.gtm.example.com.",)), OF_API),
        (
            Choice(services=(SHOP,)),
            ["other", "plan", "shop", "away", "blame", "crowd"],
        ),
        (Choice(services=("shop",)), ["other", "plan", "shop", "away", "blame", "crowd"]),
        (Choice(regions=("eu-west",)), ["reading", "verdict", "down", "region", "plan", "drain", "blame"]),
        (Choice(regions=(f"{Z}/eu-west",)), ["reading", "verdict", "down", "region", "plan", "drain", "blame"]),
        (Choice(regions=("us-east",)), ["other", "plan", "aside", "blame"]),
        (Choice(zones=("gtm.example.net",)), ["other", "plan", "shop", "away", "blame", "crowd"]),
        (Choice(services=("api",), kinds=frozenset({"gtm.name.fail_open"})), ["open"]),
        (Choice(until=0.5, services=("api",), kinds=frozenset({"gtm.endpoint.down"})), ["crowd"]),
        (Choice(services=("api", "shop"), regions=("us-east",)), ["other", "plan", "aside", "blame"]),
        (Choice(services=("nothing.example.org",)), ["blame", "crowd"]),
    ],
)
def test_events_are_chosen_by_what_they_are_about_with_what_led_to_them(choice: Choice, ids: list[str]) -> None:
    assert [one.id for one in choice.of(iter(NIGHT))] == ids
