"""The views of overrides in the admin API: the overrides that people set, and what each changes.

/v1/overrides OverridesView; SaidView or SaidTogether for overrides that were just set
"""

from dataclasses import dataclass

from gtm.ids import EndpointId, NodeName, RegionName, ServiceId


@dataclass(frozen=True, slots=True)
class OverrideView:
    """One override."""

    id: str
    node: NodeName
    """The node at which it was set."""
    scope: str
    action: str
    by: str
    why: str
    made_at: float
    until: float
    """When it ends. `made_at` and `until` are Unix times."""
    rules: tuple[str, ...]
    """The safety rules that it overrides."""
    now: tuple[str, ...] = ()
    """The present names of its scope, if zone files have renamed what is in it; else empty."""
    gone_since: float | None = None
    """The Unix time since which nothing served here is in its scope; 0: nothing ever was; None: something is."""


@dataclass(frozen=True, slots=True)
class TouchedView:
    """The effect of an override on one endpoint in its scope."""

    service: ServiceId
    region: RegionName
    endpoint: EndpointId
    why: str
    """counts; exempt, out_already, renewed, down_already, skipped_already, nothing_else_left, brought_back.

    gtm/plan/override_effects.py has what they mean.
    """
    words: str
    """The reason `why` as text for people."""
    by: str = ""
    """The id of another override that decides for the endpoint; empty where there is none."""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class EffectView:
    """The effect of an override on each endpoint in its scope: the first 1000 of each list."""

    counts: tuple[TouchedView, ...]
    """The endpoints for which it decides; `down` and `drain` take these out of the answers."""
    keeps_out: tuple[TouchedView, ...]
    """The endpoints that were out of the answers already, and stay out for longer."""
    without: tuple[TouchedView, ...]
    """The endpoints in its scope for which it changes nothing."""
    totals: tuple[int, int, int]
    """The numbers of all endpoints of the three lists."""


NO_EFFECT = EffectView((), (), (), (0, 0, 0))


@dataclass(frozen=True, slots=True)
class SaidView(OverrideView):
    """An override that was just set or cleared."""

    saved: bool = True
    """Whether it is on the disk of the node. If not, it counts, but a restart of the node may lose it."""
    effect: EffectView = NO_EFFECT
    ended: tuple[OverrideView, ...] = ()
    """The overrides of its scope that it ends."""


@dataclass(frozen=True, slots=True)
class SaidTogether:
    """The overrides that one command set for several scopes, in the order of the scopes."""

    said: tuple[SaidView, ...]


@dataclass(frozen=True, slots=True)
class OverridesView:
    """All overrides in force, sorted by scope."""

    overrides: tuple[OverrideView, ...]
