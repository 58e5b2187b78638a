"""What a node measures while it runs, besides its counters (gtm/counters.py): one object has all measures.

    durations       how long checks take               every reading of this node's probe
    certificates    when they expire                   every reading of this node's probe
    failovers       how long they take                 readings and verdicts of this node's probe; every merge and swap
    transitions     how often a status changed         every merge

What goes out: families. What is measured by looking at the present is in snapshot.py.
"""

from dataclasses import dataclass, field

from gtm.checks.model import Check
from gtm.metrics.certificates import SeenCertificates
from gtm.metrics.durations import Durations
from gtm.metrics.failovers import Failovers
from gtm.metrics.model import Family
from gtm.metrics.transitions import Transitions


@dataclass(frozen=True, slots=True)
class Tallies:
    """The measures of one node; each has its own state."""

    durations: Durations = field(default_factory=Durations)
    certificates: SeenCertificates = field(default_factory=SeenCertificates)
    failovers: Failovers = field(default_factory=Failovers)
    transitions: Transitions = field(default_factory=Transitions)

    def watch(self, checks: tuple[Check, ...]) -> None:
        """Measures these checks from now on, and no others."""
        for each in (self.certificates, self.failovers, self.transitions):
            each.watch(checks)

    def families(self) -> tuple[Family, ...]:
        """Returns the families measured so far. It may be called from any thread."""
        own = (self.durations, self.certificates, self.transitions)
        return (*(each.family() for each in own), *self.failovers.families())
