"""What is printed of an override: what it takes out, brings back, or leaves as it is."""

import pytest

from gtm.admin.override_view import EffectView, SaidView, TouchedView
from gtm.cli.said import BROUGHT_BACK, said_lines
from gtm.ids import EndpointId, NodeName, RegionName, ServiceId
from gtm.plan.override_effects import Why

REGION = RegionName("eu-west")
OUT = TouchedView(ServiceId("api.test"), REGION, EndpointId("eu-west/192.0.2.1"), "down_already", "down already")
BACK = TouchedView(ServiceId("api.test"), REGION, EndpointId("eu-west/192.0.2.1"), Why.BACK.value, "brought back")


@pytest.mark.parametrize(
    ("effect", "line"),
    [
        (EffectView((), (OUT,), (), (0, 1, 0)), "  takes nothing more out now"),
        (EffectView((), (), (BACK,), (0, 0, 1)), "  takes nothing out: it brings back what was out"),
    ],
)
def test_a_drain_that_takes_nothing_out_says_what_it_does(effect: EffectView, line: str) -> None:
    said = SaidView(
        "ns1:1", NodeName("ns1"), "region test/eu-west", "drain", "ann", "disk", 0.0, 60.0, (), effect=effect
    )
    assert list(said_lines(said))[1] == line


def test_the_reason_is_that_of_the_effects() -> None:
    assert Why.BACK.value == BROUGHT_BACK
