"""Emptied: the endpoints of a service about which `on_all_down` decides, because nothing of their type is up.

What comes in: a service, the status, and the overlay. What goes out: endpoints.

To take such endpoints out part by part would send all clients to fewer and fewer of them; at the end all are answered
again, or none. So the rule `max_share_removed_per_minute` (rules.py) takes them out together:

    serve_all, serve_last_good            at once: all are answered, as if they were up, or what was answered before
    last_resort, nodata, servfail         once the budget has paid for the last of them, and until then all stay

When something of the type is up again, the others are taken out:

    what is dead (evidence.py)            at once: it is of no use in the answers
    what answers                          when it is paid for, as if it failed just now, and an interval later at the
                                          soonest: it may be the check that is wrong, or it is about to be up
"""

from collections.abc import Mapping

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import EndpointId
from gtm.plan.model import SteeredService
from gtm.plan.overlay import Overlay, effective
from gtm.zone.model import OnAllDown

FAILS_OPEN = frozenset({OnAllDown.SERVE_ALL, OnAllDown.SERVE_LAST_GOOD})
"""With these values of `on_all_down`, endpoints that are down are answered when all are down."""


def emptied(steered: SteeredService, status: Status, overlay: Overlay) -> Mapping[EndpointId, int]:
    """Returns the regular endpoints of each record type whose regular endpoints are all down, with that type."""
    beliefs = effective(steered, status, overlay).beliefs
    every = zip(steered.service.endpoints, steered.service_shape.kinds, beliefs, strict=True)
    regular = [(end.id, kind, belief) for end, kind, belief in every if not end.last_resort]
    left = {kind for _, kind, belief in regular if belief is not Belief.DOWN}
    return {name: kind for name, kind, _ in regular if kind not in left}
