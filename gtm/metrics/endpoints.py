"""Plan, status and overlay -> what counts of endpoints and regions, who sees it otherwise, and where clients are sent.

What comes in: frozen snapshots. What goes out: families. The state of an endpoint is what the checks say, unless a
person said otherwise:

    up, down, unknown    the checks, by quorum; one that nobody checks is up, and so is what a safety rule holds
    taken_out            a person said `down` or `drain`
    forced_up            a person said `up`

A region's share is one of cells, not of queries: a cell counts as one, however many clients it has.
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
    """Yields what is measured of endpoints and regions; `answers` is whether this node has a plan to answer by."""
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
    """Returns the state of each endpoint of a service, in their order."""
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
    """Yields what vantages see otherwise, but of endpoints that a person decides."""
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
    known: dict[tuple[int, tuple[RegionName, ...]], _Shares] = {}  # services of one shape share their spread
    for name, steered in plan.services.items():
        regions = tuple(endpoint_ref.region for endpoint_ref in steered.endpoint_refs)
        spread = plan.decisions[name].spread
        key = (id(spread), regions)
        if key not in known:
            known[key] = region_shares(spread, regions)
        for region in dict.fromkeys(regions):
            yield Point({"service": name, "region": region}, known[key].get(region, 0.0))


def region_shares(spread: CellAnswers, regions: tuple[RegionName, ...]) -> _Shares:
    """Returns the share of the cells that each region gets, `regions` being those of the endpoints, in their order.

    Where a cell's answers are of several regions, each gets its part: by weight where one is drawn by it, else alike. A
    cell that gets no answer counts for no region.
    """
    shares: defaultdict[RegionName, float] = defaultdict(float)
    cells = len(spread.by_cell)
    for number, count in Counter(spread.by_cell).items():
        for place, share in part_shares(spread.different[number]).items():
            shares[regions[place]] += share * count / cells
    return shares
