"""The steering vocabulary of this installation: ours, and the filters that other packages add.

A package adds filters by entry points of the group `gtm.filters`: each names a `gtm.steer.vocabulary.Kind`, a function
of the filter's argument that returns a `gtm.steer.filter.Filter`.
"""

import logging
from importlib.metadata import entry_points

from gtm.steer.vocabulary import STEERING, Kind, SteeringVocabulary, with_kinds

GROUP = "gtm.filters"

log = logging.getLogger(__name__)


def vocabulary() -> SteeringVocabulary:
    """Returns the presets and filters that zone files may name here.

    An entry point that cannot be loaded is logged and left out: zone files that use it are then refused by name.
    """
    kinds: dict[str, Kind] = {}
    for point in entry_points(group=GROUP):
        try:
            kinds[point.name] = point.load()
        except Exception:
            log.exception("filter %s of %s cannot be loaded", point.name, point.value)
    return with_kinds(kinds) if kinds else STEERING
