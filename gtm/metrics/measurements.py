"""What a node measures by itself while it runs, beside what it counts (gtm/counters.py): one value for who takes it in.

    durations       how long checks take               every reading of this node's probe
    certificates    when those of endpoints end        every reading of this node's probe
    failovers       how long they take                 readings and verdicts of this node's probe; every merge and swap
    transitions     how often it changed its mind      every merge

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
    """The measures of one node; each has a state of its own."""

    durations: Durations = field(default_factory=Durations)
    certificates: SeenCertificates = field(default_factory=SeenCertificates)
    failovers: Failovers = field(default_factory=Failovers)
    transitions: Transitions = field(default_factory=Transitions)

    def watch(self, checks: tuple[Check, ...]) -> None:
        """Has these checks measured from now on, and no others."""
        for each in (self.certificates, self.failovers, self.transitions):
            each.watch(checks)

    def families(self) -> tuple[Family, ...]:
        """Returns the measurements so far; any thread may ask."""
        own = (self.durations, self.certificates, self.transitions)
        return (*(each.family() for each in own), *self.failovers.families())
