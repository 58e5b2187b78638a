"""The key `steer` of a service: a list of filter names with their arguments.

In come names and arguments, out goes a Steer. It must not know which filters exist: gtm/steer does, and whoever parses
a zone passes its Vocabulary. So a misspelt filter is a mistake of the zone file, at its line, and other packages can
add filters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Argument = None | bool | int | float | str | tuple["Argument", ...]
"""The argument of a filter in a chain, such as the 2 of `{first: 2}`; None for a filter without one."""


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """One link of a chain: a filter by name, and its argument."""

    name: str
    argument: Argument = None

    def __str__(self) -> str:
        return self.name if self.argument is None else f"{self.name}: {self.argument}"


@dataclass(frozen=True, slots=True)
class Steer:
    """How a service is steered: the chain, and the name of the preset it came from (empty for a chain of one's own)."""

    chain: tuple[FilterSpec, ...]
    preset: str = ""


class Vocabulary(Protocol):
    """The presets and filters that a zone file may name."""

    @property
    def presets(self) -> Mapping[str, tuple[FilterSpec, ...]]:
        """Returns the filter chain of every preset, by the name of the preset."""

    @property
    def filters(self) -> frozenset[str]:
        """Returns the names of all filters."""

    def looks(self, steer: Steer) -> bool:
        """Returns whether the result of a valid chain depends on the place of the client."""

    def objection(self, spec: FilterSpec) -> str:
        """Returns a message about a wrong argument of a known filter; empty when the argument is right.

        The text completes the sentence "filter NAME ...", such as "takes no argument".
        """
