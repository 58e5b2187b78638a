"""The steering vocabulary of this installation: the presets and filters of gtm, and the filters of other packages.

A package adds filters by entry points of the group `gtm.filters`: each names a `gtm.steer.vocabulary.Kind`, a function
of the filter's argument that returns a `gtm.steer.filter.Filter`.
"""

import logging
from importlib.metadata import entry_points

from gtm.counters import Counters
from gtm.node.plugins.guard import guarded
from gtm.steer.vocabulary import STEERING, FilterFactory, SteeringVocabulary, with_kinds

GROUP = "gtm.filters"

log = logging.getLogger(__name__)


def vocabulary(counters: Counters) -> SteeringVocabulary:
    """Returns the presets and filters that zone files may name on this node; counts failures of added filters.

    An entry point that cannot be loaded is logged and left out: zone files that name it are then refused.
    """
    kinds: dict[str, FilterFactory] = {}
    for point in entry_points(group=GROUP):
        if point.name in STEERING.filters:
            log.error("filter %s of %s is left out: gtm has one of that name", point.name, point.value)
            continue
        try:
            kind = point.load()
        except Exception:
            log.exception("filter %s of %s cannot be loaded", point.name, point.value)
            counters.add("filter_failures", filter=point.name)
            continue
        kinds[point.name] = guarded(point.name, kind, counters)
    return with_kinds(kinds) if kinds else STEERING
