"""Plan and status -> views of zones, services and regions."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.admin.effect_text import reason_words
from gtm.admin.override_view import EffectView, OverrideView, SaidView, TouchedView
from gtm.admin.views import DisabledView, EndpointView, HoldView, RegionView, ServiceView, ZoneView
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import seen_down
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import Action, InForce, Override, SafetyRule
from gtm.health.override.scope import Scope
from gtm.health.regions import region_state
from gtm.ids import RegionName
from gtm.plan.model import Plan, SteeredService, ZonePlan
from gtm.plan.outcome import Decisions
from gtm.plan.overlay import NO_OVERLAY, Overlay, overriding, skipped
from gtm.plan.override_effects import Effect, Said, Touched
from gtm.steer.decide import State
from gtm.zone.model import Endpoint, Region, Service

_OverrideView = TypeVar("_OverrideView", bound=OverrideView)

MAX_TOUCHED = 1_000
"""The most endpoints in each list of an answer; the answer has the number of all."""

_UNCHECKED = CheckStatus(Belief.UP, 0.0)
_UNHEARD = CheckStatus(Belief.UNKNOWN, 0.0)
_WORST_FIRST = (State.FAIL_CLOSED, State.FAIL_OPEN, State.DEGRADED)


def zone_views(plan: Plan) -> tuple[ZoneView, ...]:
    """Returns the view of every zone of a plan, sorted by name."""
    return tuple(sorted((_zone(zone) for zone in plan.zones.values()), key=lambda view: view.zone))


def service_views(plan: Plan, status: Status, overlay: Overlay = NO_OVERLAY) -> tuple[ServiceView, ...]:
    """Returns the view of every service with its endpoints, by zone name, then in the order of the zone file."""
    views: list[ServiceView] = []
    for zone in sorted(plan.zones.values(), key=_name):
        views += [
            _service(zone, plan.services[service.id], plan.decisions[service.id], status, overlay)
            for service in zone.zone.services
        ]
        views += [_shown(zone, service, State.STEADY, ()) for service in zone.zone.disabled_services]
    return tuple(views)


def region_views(plan: Plan, status: Status, overlay: Overlay = NO_OVERLAY) -> tuple[RegionView, ...]:
    """Returns the view of every region, by zone name, then in the order of the zone file."""
    views = []
    for zone in sorted(plan.zones.values(), key=_name):
        holds = _holds(zone, plan, status, overlay)
        views += [_region(zone, region, plan, status, holds.get(region.name, {})) for region in zone.zone.regions]
    return tuple(views)


def override_views(overrides: InForce) -> tuple[OverrideView, ...]:
    """Returns the views of the overrides in force, sorted by scope."""
    scopes: dict[Override, list[Scope]] = {}
    for scope in sorted(overrides.by_scope, key=str):
        scopes.setdefault(overrides.by_scope[scope], []).append(scope)
    views = [
        replace(
            _override(override, OverrideView),
            now=() if names == [override.scope] else tuple(map(str, names)),
            gone_since=overrides.gone[names[0]] if all(name in overrides.gone for name in names) else None,
        )
        for override, names in scopes.items()
    ]
    return tuple(sorted(views, key=lambda view: view.scope))


def said_view(answer: Said, *, is_saved: bool) -> SaidView:
    """Returns the view of an override that was just set; `is_saved` is whether it is on the disk of this node."""
    effect = effect_view(answer.effect, wall=answer.override.made_at)
    ended = tuple(_override(override, OverrideView) for override in answer.ended)
    return replace(_override(answer.override, SaidView), saved=is_saved, effect=effect, ended=ended)


def effect_view(effect: Effect, *, wall: float) -> EffectView:
    """Returns the view of the changes that an override makes; `wall` is the Unix time for words about times."""
    lists = (effect.counts, effect.keeps, effect.without)
    counts, keeps, without = (tuple(_touched(touched, wall) for touched in some[:MAX_TOUCHED]) for some in lists)
    return EffectView(counts, keeps, without, (len(effect.counts), len(effect.keeps), len(effect.without)))


def _touched(touched: Touched, wall: float) -> TouchedView:
    by = "" if touched.by is None else touched.by.id
    where = touched.endpoint_ref.service, touched.endpoint_ref.region, touched.endpoint_ref.endpoint
    return TouchedView(*where, touched.why.value, reason_words(touched, wall=wall), by, touched.endpoint_ref.zone)


def _override(override: Override, kind: type[_OverrideView]) -> _OverrideView:
    rules = tuple(rule.value for rule in override.rules)
    scope, action = str(override.scope), override.action.value
    return kind(
        override.id, override.node, scope, action, override.by, override.why, override.made_at, override.until, rules
    )


def check_status(service: Service, endpoint: Endpoint, status: Status) -> CheckStatus:
    """Returns the status of the check of an endpoint: up if its service has no monitor, unknown without any report."""
    check = service.check_of(endpoint)
    return _UNCHECKED if check is None else status.checks.get(check, _UNHEARD)


def _name(zone: ZonePlan) -> str:
    return _text(zone.zone.origin)


def _text(name: Name) -> str:
    return name.to_text(omit_final_dot=True)


def _zone(zone: ZonePlan) -> ZoneView:
    made = len(zone.soa.rdatas) + len(zone.zone.nameservers)
    records = made + sum(len(rrset.rdatas) for rrset in zone.zone.records) + zone.zone.bulk.values
    shared = tuple(sorted(zone.zone.shared_regions))
    return ZoneView(_name(zone), zone.zone.file, zone.serial, len(zone.zone.all_services), records, shared)


def _service(
    zone: ZonePlan, steered: SteeredService, decisions: Decisions, status: Status, overlay: Overlay
) -> ServiceView:
    service = steered.service
    overrides, held = _said(steered, overlay), overlay.held.get(service.id, {})
    poor = _skipped(steered, status, overlay)
    states = decisions.states
    endpoints = tuple(
        replace(
            _endpoint(service, endpoint, status),
            override="" if override is None else override.action.value,
            override_by="" if override is None else override.by,
            override_until=None if override is None else override.until,
            held_by=held[endpoint.id].value if endpoint.id in held else "",
            is_skipped=endpoint.region in poor,
        )
        for endpoint, override in zip(service.endpoints, overrides, strict=True)
    )
    worst = next((state for state in _WORST_FIRST if state in states), State.STEADY)
    return _shown(zone, service, worst, endpoints)


def _said(steered: SteeredService, overlay: Overlay) -> tuple[Override | None, ...]:
    """Returns the overrides that count for the endpoints instead of the checks, in the order of the endpoints."""
    overrides = overriding(steered, overlay.said)
    return tuple(None if override is None or override.action is Action.OBEY else override for override in overrides)


def _shown(zone: ZonePlan, service: Service, state: State, endpoints: tuple[EndpointView, ...]) -> ServiceView:
    return ServiceView(
        service.id,
        _name(zone),
        service.steer.preset or ", ".join(str(spec) for spec in service.steer.chain),
        service.ttl,
        state,
        endpoints,
        tuple(
            DisabledView(endpoint.id, endpoint.region, service.disabled_by(endpoint)) for endpoint in service.disabled
        ),
    )


def _endpoint(service: Service, endpoint: Endpoint, status: Status) -> EndpointView:
    believed = check_status(service, endpoint, status)
    return EndpointView(
        endpoint.id,
        endpoint.region,
        RdataType.to_text(endpoint.rtype),
        endpoint.weight,
        "" if service.monitor is None else service.monitor.name,
        believed.belief,
        believed.since or None,
        believed.reason,
        believed.detail,
        believed.frozen,
        believed.votes,
        believed.state,
        believed.flip_in_s,
        back_in_s=believed.back_in_s,
        is_last_resort=endpoint.last_resort,
        down_from=seen_down(believed.local) if believed.belief is not Belief.DOWN else (),
    )


_Hold = tuple[str, str, float | None]
"""What decides for an endpoint (an action or a safety rule), who set it, and until when (Unix time)."""


def _holds(zone: ZonePlan, plan: Plan, status: Status, overlay: Overlay) -> Mapping[RegionName, Mapping[_Hold, int]]:
    """Returns by region the overrides and safety rules that decide for endpoints, with their number of endpoints."""
    counts: defaultdict[RegionName, Counter[_Hold]] = defaultdict(Counter)
    for service in zone.zone.services:
        steered = plan.services[service.id]
        held, poor = overlay.held.get(service.id, {}), _skipped(steered, status, overlay)
        for endpoint, override in zip(service.endpoints, _said(steered, overlay), strict=True):
            if override is not None:
                counts[endpoint.region][override.action.value, override.by, override.until] += 1
            elif endpoint.id in held:
                counts[endpoint.region][held[endpoint.id].value, "", None] += 1
            elif endpoint.region in poor:
                counts[endpoint.region][SafetyRule.MIN_HEALTHY.value, "", None] += 1
    return counts


def _skipped(steered: SteeredService, status: Status, overlay: Overlay) -> tuple[RegionName, ...]:
    return skipped(steered, status, overlay) if steered.service.min_healthy else ()


def _region(zone: ZonePlan, region: Region, plan: Plan, status: Status, holds: Mapping[_Hold, int]) -> RegionView:
    distinct = {
        service.check_of(endpoint) or endpoint.answer: check_status(service, endpoint, status).belief
        for service in zone.zone.services
        for endpoint in service.endpoints
        if endpoint.region == region.name
    }
    beliefs = list(distinct.values())
    counts = Counter(beliefs)
    return RegionView(
        region.name,
        _name(zone),
        _located(region, zone, plan),
        region.country,
        region_state(beliefs),
        counts[Belief.UP],
        counts[Belief.DOWN],
        counts[Belief.UNKNOWN],
        sum(endpoint.region == region.name for service in zone.zone.services for endpoint in service.endpoints),
        tuple(
            HoldView(*hold, count) for hold, count in sorted(holds.items(), key=lambda item: (-item[1], item[0][:2]))
        ),
    )


def _located(region: Region, zone: ZonePlan, plan: Plan) -> Coordinates | None:
    """Returns the coordinates of a region from the plan, which may be from geo data; None where nobody knows them."""
    for service in zone.zone.services:
        for served_region in plan.services[service.id].regions:
            if served_region.name == region.name:
                return served_region.at
    return region.at
