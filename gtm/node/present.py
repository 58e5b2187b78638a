"""The present of a node: what it serves, and what that was made of, as one value that the planner replaces whole.

Whoever needs several parts of it reads the present once, and then only that value: so a thread, too, sees parts that
belong together.
"""

from dataclasses import dataclass

from gtm.health.consensus.local_view import Vantages
from gtm.health.consensus.status import Status
from gtm.plan.model import Plan
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.geoload import NO_GEO, GeoLoad


@dataclass(frozen=True, slots=True)
class Present:
    """What a node serves and believes at one moment."""

    plan: Plan
    """The newest that the engine has."""
    status: Status
    """What is believed; the plan may not follow all of it yet."""
    overlay: Overlay = NO_OVERLAY
    """What people and safety rules say beside the checks."""
    catalogue: Catalogue = EMPTY
    """The zones that the plan is made of, and the problems of their files."""
    geo: GeoLoad = NO_GEO
    vantages: Vantages = ()
    """Those whose local truth counts for the clients near them."""
    failure: str = ""
    """Why the newest zones or geo data do not serve; empty when they do."""
