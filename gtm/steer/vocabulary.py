"""The tables of presets and filters: what a zone file's `steer` may say, and what each word builds.

Third parties add kinds by the entry-point group `gtm.filters`; whoever starts the program reads those and passes
them to `with_kinds`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gtm.steer.chain import looks_at_place
from gtm.steer.filter import Filter
from gtm.steer.filters import first, nearest, priority, shuffle, up, weight
from gtm.zone.steering import Argument, FilterSpec, Steer

FilterFactory = Callable[[Argument], Filter]
"""Makes a filter of its argument; raises ValueError with words that complete "filter NAME ...": "takes no argument"."""

KINDS: Mapping[str, FilterFactory] = {
    "first": first.parse,
    "nearest": nearest.parse,
    "priority": priority.parse,
    "rotate": shuffle.parse_rotate,
    "shuffle": shuffle.parse,
    "up": up.parse,
    "weight": weight.parse,
}

MULTIVALUE_ANSWERS = 8
"""As many as Route 53's multivalue answer routing gives."""

PRESETS: Mapping[str, tuple[FilterSpec, ...]] = {
    "nearest": (FilterSpec("up"), FilterSpec("nearest"), FilterSpec("weight")),
    "failover": (FilterSpec("up"), FilterSpec("priority"), FilterSpec("weight")),
    "weighted": (FilterSpec("up"), FilterSpec("weight")),
    "round-robin": (FilterSpec("up"), FilterSpec("rotate")),
    "multivalue": (FilterSpec("up"), FilterSpec("shuffle", MULTIVALUE_ANSWERS)),
}


@dataclass(frozen=True, slots=True)
class SteeringVocabulary:
    """The filters and presets that `steer` of a zone file may name; it is the Vocabulary that parses zone files."""

    kinds: Mapping[str, FilterFactory]
    presets: Mapping[str, tuple[FilterSpec, ...]]

    @property
    def filters(self) -> frozenset[str]:
        """Returns the names of all filters."""
        return frozenset(self.kinds)

    def objection(self, spec: FilterSpec) -> str:
        """Returns a text that says why a known filter refuses the argument; empty when the argument is valid."""
        try:
            self.kinds[spec.name](spec.argument)
        except ValueError as error:
            return str(error)
        return ""

    def looks(self, steer: Steer) -> bool:
        """Returns whether the chain of a valid `steer` looks at the place of clients."""
        return looks_at_place(self.build(steer))

    def build(self, steer: Steer) -> tuple[Filter, ...]:
        """Returns the chain of filters of a valid `steer`."""
        return tuple(self.kinds[spec.name](spec.argument) for spec in steer.chain)


STEERING = SteeringVocabulary(KINDS, PRESETS)


def with_kinds(added: Mapping[str, FilterFactory]) -> SteeringVocabulary:
    """Returns the vocabulary with further filters; a built-in filter keeps its name."""
    return SteeringVocabulary({**added, **KINDS}, PRESETS)
