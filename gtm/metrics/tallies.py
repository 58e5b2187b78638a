"""What a node measures by itself while it runs, beside what it counts (gtm/counters.py): one value for who takes it in.

    durations       how long checks take               every reading of this node's probe
    certificates    when those of endpoints end        every reading of this node's probe

What goes out: families. What is measured by looking at the present is in present.py.
"""

from dataclasses import dataclass, field

from gtm.metrics.certificates import SeenCertificates
from gtm.metrics.durations import Durations
from gtm.metrics.model import Family


@dataclass(frozen=True, slots=True)
class Tallies:
    """The measures of one node; each has a state of its own."""

    durations: Durations = field(default_factory=Durations)
    certificates: SeenCertificates = field(default_factory=SeenCertificates)

    def families(self) -> tuple[Family, ...]:
        """Returns what was measured so far; any thread may ask."""
        return self.durations.family(), self.certificates.family()
