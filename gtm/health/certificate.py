"""A certificate, of an endpoint or of this node: its time of validity, and from when on it counts as expiring.

    the monitor has `min_days`         from so many days before its end; the endpoint is then down
    it has not, or it is our own       from 14 days before its end, or in the last sixth of its time if that is shorter

It is pure: the wall time is an argument.
"""

from dataclasses import dataclass

DAY_S = 86_400.0

WARN_S = 14 * DAY_S
WARN_SHARE = 1 / 6
"""Share of the whole time of validity: a certificate for six days is renewed every few days, and not before."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The time of validity of a certificate, in Unix seconds."""

    starts_at: float
    ends_at: float

    def days_left(self, wall: float) -> float:
        """Returns the number of days until the certificate expires; negative after that. `wall` is in Unix seconds."""
        return (self.ends_at - wall) / DAY_S

    def is_expiring(self, wall: float, *, min_days: int = 0) -> bool:
        """Returns whether the certificate should have been renewed by now (see the table above).

        `min_days` is the fewest days that the monitor wants left; 0 if it does not say.
        """
        warn_s = min_days * DAY_S or min(WARN_S, (self.ends_at - self.starts_at) * WARN_SHARE)
        return self.ends_at - wall < warn_s
