"""Emptied: the endpoints of a service that `on_all_down` decides of, because nothing of their type is up.

What comes in: a service, what the checks say and what people say. What goes out: endpoints. What rules hold counts for
nothing here: this is what there would be if all that waits to be taken out were out.

To take such endpoints out part by part sends everybody to fewer and fewer of them, and ends where it began, or where
none is answered. So the rule `max_share_removed_per_minute` (safety.py) lets them go together:

    serve_all, serve_last_good            at once: all are answered, as if they were up, or what was answered before
    last_resort, nodata, servfail         once the budget has paid for the last of them, and until then all stay

When something of the type is up again, what is not paid for waits anew: it was never out.
"""

from collections.abc import Mapping

from dns.rdatatype import RdataType

from gtm.health.belief import Belief
from gtm.health.override import InForce
from gtm.health.status import Status
from gtm.ids import EndpointId
from gtm.plan.guidance import Guidance, effective
from gtm.plan.model import SteeredService
from gtm.zone.model import OnAllDown

FAILS_OPEN = frozenset({OnAllDown.SERVE_ALL, OnAllDown.SERVE_LAST_GOOD})
"""What is down is answered then."""


def emptied(steered: SteeredService, status: Status, said: InForce) -> Mapping[EndpointId, int]:
    """Returns the regular endpoints of the types of which none is up, with the type; a last resort decides nothing.

    An alias is for every type (form.py): where one is among them, all are of one type.
    """
    beliefs = effective(steered, status, Guidance(said)).beliefs
    ends = [pair for pair in zip(steered.service.endpoints, beliefs, strict=True) if not pair[0].last_resort]
    has_alias = any(endpoint.rtype == RdataType.CNAME for endpoint, _ in ends)
    kinds = {endpoint.id: RdataType.CNAME if has_alias else endpoint.rtype for endpoint, _ in ends}
    left = {kinds[endpoint.id] for endpoint, belief in ends if belief is not Belief.DOWN}
    return {name: kind for name, kind in kinds.items() if kind not in left}
