"""The delta between two statuses that are known to differ."""

from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status


def delta_of(before: Status, after: Status) -> StatusDelta:
    """What the second status has that the first has not."""
    delta = StatusDelta.between(before, after)
    assert delta is not None, "they are the same object"
    return delta
