"""Zone files and geo data -> explanation, without a running node: every endpoint's health is unknown."""

from pathlib import Path

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.engine.explain import Explanation, explain
from gtm.engine.reference import ReferenceEngine
from gtm.errors import ZoneInvalid
from gtm.health.status import NO_STATUS
from gtm.ids import Address
from gtm.node.config import GeoFiles
from gtm.node.vocabulary import vocabulary
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN
from gtm.watch.folder import EMPTY, read
from gtm.watch.geodata import load


def explain_offline(name: Name, rtype: RdataType, client: Address, *, zones: Path, geo: GeoFiles) -> Explanation:
    """Returns the explanation of a question over a folder of zone files; raises ZoneInvalid when one has mistakes."""
    words = vocabulary()
    catalogue = read(zones, EMPTY, words)
    if catalogue.problems:
        raise ZoneInvalid(catalogue.problems)
    geography = load(geo.databases, geo.networks).geography
    plan = compile_plan(
        catalogue.zones,
        serials={zone.origin.to_text(): 1 for zone in catalogue.zones},
        geography=geography,
        vocabulary=words,
        status=NO_STATUS,
        before=EMPTY_PLAN,
    )
    engine = ReferenceEngine()
    engine.swap(plan)
    return explain(name, rtype, client, plan=plan, status=NO_STATUS, geography=geography, engine=engine)
