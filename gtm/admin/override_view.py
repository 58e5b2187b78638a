"""What the admin API shows of overrides, as values: what people said, and what that changes.

/v1/overrides OverridesView; SaidView or SaidTogether of what is said just now
"""

from dataclasses import dataclass

from gtm.ids import EndpointId, NodeName, RegionName, ServiceId


@dataclass(frozen=True, slots=True)
class OverrideView:
    """What a person said."""

    id: str
    node: NodeName
    """Where it was said."""
    scope: str
    action: str
    by: str
    why: str
    made_at: float
    until: float
    """Unix times."""
    rules: tuple[str, ...]
    """The safety rules that it overrides."""
    now: tuple[str, ...] = ()
    """The scopes that it counts for, where zone files call its own otherwise now; empty where they do not."""
    gone_since: float | None = None
    """Since which Unix time nothing that is served here is in its scope; 0: nothing ever was; None: something is."""


@dataclass(frozen=True, slots=True)
class TouchedView:
    """What becomes of one endpoint that an override covers."""

    service: ServiceId
    region: RegionName
    endpoint: EndpointId
    why: str
    """counts; exempt, out_already, renewed, down_already, skipped_already, nothing_else_left, brought_back.

    gtm/plan/override_effects.py has what they mean.
    """
    words: str
    """The same for people."""
    by: str = ""
    """The id of the override that decides for it, where that is another one."""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class EffectView:
    """What an override changes, endpoint by endpoint: of each list the first 1000."""

    counts: tuple[TouchedView, ...]
    """It decides for these; of `down` and `drain` they are what it takes out of the answers."""
    keeps_out: tuple[TouchedView, ...]
    """Out of the answers already, and by this for longer."""
    without: tuple[TouchedView, ...]
    """It covers these, and changes nothing of them."""
    totals: tuple[int, int, int]
    """How many there are of each."""


NO_EFFECT = EffectView((), (), (), (0, 0, 0))


@dataclass(frozen=True, slots=True)
class SaidView(OverrideView):
    """What a person said just now."""

    saved: bool = True
    """Whether it is on the disk of the node that was asked; if not, it counts, but may not outlive a restart there."""
    effect: EffectView = NO_EFFECT
    ended: tuple[OverrideView, ...] = ()
    """What counted of its scope until then."""


@dataclass(frozen=True, slots=True)
class SaidTogether:
    """What a person said of several scopes in one command, in the order of the scopes."""

    said: tuple[SaidView, ...]


@dataclass(frozen=True, slots=True)
class OverridesView:
    """What people said and is in force, by scope."""

    overrides: tuple[OverrideView, ...]
