"""The belief of an endpoint stays when a zone file gives its check another name.

In come a status and the zones before and after an edit; out goes the status with a belief for each check that is new
to it, where the same service had the same target under another check: its monitor was renamed, moved to the shared
file or replaced. A check that starts unknown is as good as a healthy one while its neighbours are unknown too, and a
region that is down must not be answered because of an edit. Fresh voices overrule what was inherited.
"""

from dataclasses import replace

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, ServiceId
from gtm.zone.model import Zone


def with_inherited(status: Status, before: tuple[Zone, ...], after: tuple[Zone, ...]) -> Status:
    """Returns the status with the beliefs that new checks of the zones `after` inherit from checks of `before`.

    Returns the same object when there are none.
    """
    known = _checks_by_target(before)
    inherited = {
        check: replace(status.checks[known[key]], votes=(), frozen=True, local=())
        for key, check in _checks_by_target(after).items()
        if status.belief(check) is Belief.UNKNOWN and key in known and status.belief(known[key]) is not Belief.UNKNOWN
    }
    return Status({**status.checks, **inherited}) if inherited else status


def _checks_by_target(zones: tuple[Zone, ...]) -> dict[tuple[ServiceId, str], CheckId]:
    return {
        (service.id, endpoint.target): check
        for zone in zones
        for service in zone.services
        for endpoint in service.endpoints
        if (check := service.check_of(endpoint)) is not None
    }
