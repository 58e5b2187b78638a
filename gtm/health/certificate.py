"""A certificate, of an endpoint or of this node: from when to when it is good, and when somebody should look after it.

    the monitor asks for `min_days`    so many days before the end; the endpoint is down from then on
    it does not, or it is our own      14 days before, or the last sixth of a certificate that lives for days only

It is pure: the wall time is an argument.
"""

from dataclasses import dataclass

DAY_S = 86_400.0

WARN_S = 14 * DAY_S
WARN_SHARE = 1 / 6
"""Of the whole time: certificates of six days are renewed every few days, and are no reason to worry before."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """From when to when a certificate is good, in Unix seconds."""

    starts_at: float
    ends_at: float

    def days_left(self, wall: float) -> float:
        """Returns for how many days it is good; less than 0 when it is not any more."""
        return (self.ends_at - wall) / DAY_S

    def is_expiring(self, wall: float, *, min_days: int = 0) -> bool:
        """Returns whether it should have been renewed by now."""
        warn_s = min_days * DAY_S or min(WARN_S, (self.ends_at - self.starts_at) * WARN_SHARE)
        return self.ends_at - wall < warn_s
