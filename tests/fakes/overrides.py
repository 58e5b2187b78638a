"""Overrides for tests: said at a node, and random ones."""

from hypothesis import strategies as st

from gtm.health.override.override import CLEAR_SPAN_S, Action, Override, OverrideId, SafetyRule
from gtm.health.override.scope import EndpointScope, RegionScope, Scope, ServiceScope, ZoneScope, parse_scope
from gtm.ids import EndpointId, NodeName, RegionName, ServiceId

WALL = 1_700_000_000.0
"""Where a FakeClock starts."""


def said(  # one argument for each thing that a test may want to say
    scope: str,
    action: Action = Action.DOWN,
    *,
    node: str = "ns1",
    made_at: float = WALL,
    span_s: float = 3600.0,
    by: str = "ann",
    why: str = "maintenance",
    rules: tuple[SafetyRule, ...] = (),
) -> Override:
    """An override that was said at a node."""
    identifier = OverrideId(f"{node}:{made_at * 1000:.0f}")
    until = made_at + (CLEAR_SPAN_S if action is Action.CLEAR else span_s)
    return Override(identifier, NodeName(node), parse_scope(scope), action, why, by, made_at, until, rules)


_SCOPES: tuple[Scope, ...] = (
    EndpointScope(ServiceId("api.gtm.example.com"), EndpointId("eu-west/192.0.2.20")),
    RegionScope("gtm.example.com", RegionName("eu-west")),
    RegionScope("*", RegionName("eu-west")),
    ServiceScope(ServiceId("api.gtm.example.com")),
    ZoneScope("gtm.example.com"),
)

overrides = st.builds(
    lambda scope, action, node, at, span: said(str(scope), action, node=node, made_at=WALL + at, span_s=span),
    st.sampled_from(_SCOPES),
    st.sampled_from(Action),
    st.sampled_from(["ns1", "ns2"]),
    st.integers(0, 20),
    st.integers(1, 100),
)
"""Few scopes, times and nodes, so that many are of one scope and some of one moment."""
