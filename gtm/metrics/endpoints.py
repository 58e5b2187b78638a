"""Plan, status and overlay -> states of endpoints and regions, local truths, and each region's share of the answers.

What comes in: frozen snapshots. What goes out: families. The state of an endpoint follows the checks, unless an
override decides it:

    up, down, unknown    the checks, by quorum; `up` without checks, and where a safety rule keeps it in the answers
    taken_out            an override with `down` or `drain`
    forced_up            an override with `up`

A region's share is a share of cells, not of queries: each cell counts as one, however many clients it has.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import Action
from gtm.ids import RegionName
from gtm.metrics.model import Chosen, Family, Metric, MetricKind, Point
from gtm.plan.model import Plan, SteeredService
from gtm.plan.moved_cells import part_shares
from gtm.plan.outcome import CellAnswers
from gtm.plan.overlay import Overlay, beliefs, overriding

STATE = Metric(
    "gtm_endpoint_state",
    "gtm.endpoint.state",
    MetricKind.STATE,
    "What counts of an endpoint at this node.",
    labels=("service", "endpoint", "gtm_endpoint_state"),
)
REGION = Metric(
    "gtm_region_endpoints",
    "gtm.region.endpoints",
    MetricKind.GAUGE,
    "Endpoints of a region of a zone, by state; one address in two services counts twice.",
    "{endpoint}",
    labels=("zone", "region", "state"),
)
SHARE = Metric(
    "gtm_region_share_ratio",
    "gtm.region.share",
    MetricKind.GAUGE,
    "Share of a service's cells that the plan answers with a region; each counts as one, however many clients it has.",
    "1",
    labels=("service", "region"),
)
LOCAL = Metric(
    "gtm_endpoint_local",
    "gtm.endpoint.local",
    MetricKind.GAUGE,
    "1 for each vantage that sees an endpoint otherwise than the quorum, and what it sees; nothing for the rest.",
    labels=("service", "endpoint", "vantage", "seen"),
)

TAKEN_OUT, FORCED_UP = "taken_out", "forced_up"
STATES = (*(belief.value for belief in Belief), TAKEN_OUT, FORCED_UP)
_SAID = {Action.DOWN: TAKEN_OUT, Action.DRAIN: TAKEN_OUT, Action.UP: FORCED_UP}
_Shares = Mapping[RegionName, float]


def endpoint_families(plan: Plan, status: Status, overlay: Overlay, *, answers: bool = True) -> Iterator[Family]:
    """Yields the metric families of endpoints and regions.

    `answers` is whether this node answers queries from its plan; without it the shares of regions are left out.
    """
    chosen = {state: Chosen(state, STATES) for state in STATES}
    points, counts = list[Point](), defaultdict[tuple[str, str], Counter[str]](Counter)
    for name, steered in plan.services.items():
        for endpoint_ref, state in zip(steered.endpoint_refs, states(steered, status, overlay), strict=True):
            points.append(Point({"service": name, "endpoint": endpoint_ref.endpoint}, chosen[state]))
            counts[steered.zone, endpoint_ref.region][state] += 1
    yield Family(STATE, tuple(points))
    yield Family(REGION, tuple(_regions(counts)))
    yield Family(LOCAL, tuple(_local(plan, status, overlay)))
    yield Family(SHARE, tuple(_shares(plan)) if answers else ())


def states(steered: SteeredService, status: Status, overlay: Overlay) -> tuple[str, ...]:
    """Returns the state of each endpoint of a service, in the order of the endpoints."""
    held = overlay.held.get(steered.id, {})
    checked = [
        Belief.UP if belief is Belief.DOWN and endpoint_ref.endpoint in held else belief
        for endpoint_ref, belief in zip(steered.endpoint_refs, beliefs(steered, status), strict=True)
    ]
    overrides = overriding(steered, overlay.said)
    return tuple(
        belief.value if override is None else _SAID.get(override.action, belief.value)
        for override, belief in zip(overrides, checked, strict=True)
    )


def _regions(counts: Mapping[tuple[str, str], Counter[str]]) -> Iterator[Point]:
    for (zone, region), by_state in sorted(counts.items()):
        for state in STATES:
            yield Point({"zone": zone, "region": region, "state": state}, by_state[state])


def _local(plan: Plan, status: Status, overlay: Overlay) -> Iterator[Point]:
    """Yields a point for each vantage that sees an endpoint otherwise than the quorum.

    Endpoints that an override decides are left out.
    """
    differing = {check: seen.local for check, seen in status.checks.items() if seen.local}
    if not differing:
        return
    for name, steered in plan.services.items():
        if differing.keys().isdisjoint(steered.checks):
            continue
        overrides = overriding(steered, overlay.said)
        for endpoint_ref, check, override in zip(steered.endpoint_refs, steered.checks, overrides, strict=True):
            if check is None or (override is not None and override.action is not Action.OBEY):
                continue
            for seen in differing.get(check, ()):
                labels = {
                    "service": name,
                    "endpoint": endpoint_ref.endpoint,
                    "vantage": seen.vantage,
                    "seen": seen.belief.value,
                }
                yield Point(labels, 1)


def _shares(plan: Plan) -> Iterator[Point]:
    known: dict[tuple[int, tuple[RegionName, ...]], _Shares] = {}  # services of one shape have the same spread
    for name, steered in plan.services.items():
        regions = tuple(endpoint_ref.region for endpoint_ref in steered.endpoint_refs)
        spread = plan.decisions[name].spread
        key = (id(spread), regions)
        if key not in known:
            known[key] = region_shares(spread, regions)
        for region in dict.fromkeys(regions):
            yield Point({"service": name, "region": region}, known[key].get(region, 0.0))


def region_shares(spread: CellAnswers, regions: tuple[RegionName, ...]) -> _Shares:
    """Returns the share of the cells that each region gets; `regions` has the region of each endpoint, in order.

    A cell with answers of several regions is divided among them: by weight where the answer is drawn by weight, else
    equally. A cell without an answer counts for no region.
    """
    shares: defaultdict[RegionName, float] = defaultdict(float)
    cells = len(spread.by_cell)
    for number, count in Counter(spread.by_cell).items():
        for place, share in part_shares(spread.different[number]).items():
            shares[regions[place]] += share * count / cells
    return shares
