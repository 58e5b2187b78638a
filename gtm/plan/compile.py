"""Zones and geo data -> plan: everything that changes by the hour.

zones, serials -> name tables       (name_table.py)
zones, geo data -> regions, cells   (regions.py, cells.py)
status -> decisions                 (decisions.py)
"""

from collections import defaultdict
from collections.abc import Mapping

from gtm.dns.name import labels
from gtm.geo.geography import Geography
from gtm.health.consensus.local_view import Vantages
from gtm.health.consensus.status import Status
from gtm.health.override.scope import EndpointRef
from gtm.ids import CheckId, Generation, ServiceId
from gtm.plan.cells import Spaces
from gtm.plan.compile_limit import CELLS, CELLS_LIMIT_S, DECISIONS, DECISIONS_LIMIT_S, Effort, boundless
from gtm.plan.decisions import answer_pool_of, decisions
from gtm.plan.last_good import Remembered
from gtm.plan.model import Plan, SteeredService
from gtm.plan.name_table import zone_plan
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.plan.regions import located, of_service
from gtm.plan.service_shape import ServiceShape, form_of
from gtm.plan.shape_decisions import Shapes
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.zone.model import HealthView, Zone


def compile_plan(
    zones: tuple[Zone, ...],
    *,
    serials: Mapping[str, int],
    geography: Geography,
    vocabulary: SteeringVocabulary,
    status: Status,
    before: Plan,
    overlay: Overlay = NO_OVERLAY,
    vantages: Vantages = (),
    spaces: Spaces | None = None,
    effort: Effort | None = None,
) -> Plan:
    """Returns the plan of these zones, one generation after `before`.

    `serials` has the SOA serial of every zone, by its origin in presentation format. `serve_last_good` takes its
    answers from the plan `before`. `vantages` are the vantages whose local truth counts for the clients near them.
    `spaces` is the cache of cell spaces; it has those of the plan before. `effort` has the limits of time for each
    zone; raises ZoneTooCostly for a zone that takes longer.
    """
    spaces, effort = spaces or Spaces(), effort or boundless()
    spaces.begin(geography, vantages)
    services = _steered(zones, geography, vocabulary, spaces, effort)
    shapes = Shapes(effort.check)
    decided = {}
    for zone in zones:
        effort.at(zone, DECISIONS_LIMIT_S, work=DECISIONS)
        for service in zone.services:
            name = service.id
            decided[name] = decisions(services[name], status, remembered(before, name), shapes, overlay)
    effort.at(None, DECISIONS_LIMIT_S, work=DECISIONS)
    spaces.end()
    return Plan(
        Generation(before.generation + 1),
        {labels(zone.origin): zone_plan(zone, serials[zone.origin.to_text()]) for zone in zones},
        services,
        decided,
        _watchers(services),
    )


def remembered(before: Plan, name: ServiceId) -> Remembered:
    """Returns a service of a plan with its decisions; None when the plan does not have the service."""
    steered = before.services.get(name)
    return None if steered is None else (steered, before.decisions[name])


def _steered(
    zones: tuple[Zone, ...], geography: Geography, vocabulary: SteeringVocabulary, spaces: Spaces, effort: Effort
) -> dict[ServiceId, SteeredService]:
    service_shapes: dict[ServiceShape, ServiceShape] = {}
    services = {}
    for zone in zones:
        effort.at(zone, CELLS_LIMIT_S, work=CELLS)
        regions = located(zone, geography)
        zone_name = zone.origin.to_text(omit_final_dot=True).lower()
        for service in zone.services:
            name = service.id
            chain, own = vocabulary.build(service.steer), of_service(service, regions)
            is_local = spaces.has_near and service.health_view is HealthView.LOCAL and service.monitor is not None
            space = spaces.space(service.steer, chain, own, is_local=is_local)
            effort.check()
            service_shape = form_of(service)
            services[name] = SteeredService(
                service,
                chain,
                own,
                space,
                service_shapes.setdefault(service_shape, service_shape),
                answer_pool_of(service),
                tuple(service.check_of(endpoint) for endpoint in service.endpoints),
                tuple(
                    EndpointRef(zone_name, name, zone_endpoint.region, zone_endpoint.id)
                    for zone_endpoint in service.endpoints
                ),
            )
    return services


def _watchers(services: Mapping[ServiceId, SteeredService]) -> dict[CheckId, tuple[ServiceId, ...]]:
    watchers: defaultdict[CheckId, list[ServiceId]] = defaultdict(list)
    for name, steered in services.items():
        for check in sorted({check for check in steered.checks if check is not None}):
            watchers[check].append(name)
    return {check: tuple(names) for check, names in watchers.items()}
