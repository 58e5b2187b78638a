"""A small vocabulary for tests of the zone river: this version's presets and filters, with arguments of one kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gtm.zone.steering import FilterSpec, Steer

PRESETS = {
    "nearest": (FilterSpec("up"), FilterSpec("nearest"), FilterSpec("weight")),
    "failover": (FilterSpec("up"), FilterSpec("priority"), FilterSpec("weight")),
    "weighted": (FilterSpec("up"), FilterSpec("weight")),
    "round-robin": (FilterSpec("up"), FilterSpec("rotate")),
    "multivalue": (FilterSpec("up"), FilterSpec("shuffle", 8)),
}
FILTERS = frozenset({"up", "nearest", "priority", "weight", "shuffle", "rotate", "first"})


@dataclass(frozen=True, slots=True)
class FakeVocabulary:
    """Presets and filters by name; `first` takes a positive number, all others nothing."""

    presets: Mapping[str, tuple[FilterSpec, ...]] = field(default_factory=lambda: PRESETS)
    filters: frozenset[str] = FILTERS

    def looks(self, steer: Steer) -> bool:
        return any(spec.name == "nearest" for spec in steer.chain)

    def objection(self, spec: FilterSpec) -> str:
        argument = spec.argument
        if spec.name != "first":
            return "" if argument is None or spec.name == "shuffle" else "takes no argument"
        if isinstance(argument, int) and not isinstance(argument, bool) and argument >= 1:
            return ""
        return "takes a whole number of endpoints, at least 1"


FAKE_VOCABULARY = FakeVocabulary()
