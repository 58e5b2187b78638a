"""Zone files and geo data -> explanation, without a running node: every endpoint's health is unknown."""

from collections.abc import Callable
from pathlib import Path

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.counters import Counters
from gtm.errors import ZoneInvalid
from gtm.explain.explain import Explanation, explain
from gtm.geo.geography import Geography
from gtm.health.consensus.status import NO_STATUS
from gtm.ids import Address
from gtm.node.plugins.filters import vocabulary
from gtm.node.rivers.zones import few, never_empty
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN
from gtm.watch.folder import EMPTY
from gtm.watch.reading import read


def explain_offline(
    name: Name, rtype: RdataType, client: Address, *, zones: Path, geography: Geography, aside: Callable[[str], None]
) -> Explanation:
    """Returns the explanation of the answer to a query, made from a folder of zone files without a running node.

    Calls `aside` with each problem of a zone file that does not matter for this name. Raises ZoneInvalid when the name
    may be in a zone file with a mistake, and QuestionUnclear when a short name could mean several names.
    """
    steering_vocabulary = vocabulary(Counters())
    catalogue = never_empty(zones, EMPTY, read(zones, EMPTY, steering_vocabulary))
    plan = compile_plan(
        catalogue.zones,
        serials={zone.origin.to_text(): 1 for zone in catalogue.zones},
        geography=geography,
        vocabulary=steering_vocabulary,
        status=NO_STATUS,
        before=EMPTY_PLAN,
    )
    explained = explain(name, rtype, client, plan=plan, status=NO_STATUS, geography=geography)
    if catalogue.problems and not explained.zone:
        raise ZoneInvalid(catalogue.problems)
    for problem in few(catalogue.problems):
        aside(problem)
    return explained
