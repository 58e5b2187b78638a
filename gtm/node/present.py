"""The present of a node: its plan and what that was made of, as one value that the planner replaces whole.

Code that needs several parts reads the present once and then uses only that value. So the parts belong together, in
a thread too.
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
    """The plan that a node serves at one moment, with the status, overlay, zones and geo data of that moment."""

    plan: Plan
    """The newest plan that the engine has."""
    status: Status
    """The newest status; the plan may not follow all of it yet."""
    overlay: Overlay = NO_OVERLAY
    """What overrides and safety rules say of endpoints, on top of the checks."""
    catalogue: Catalogue = EMPTY
    """The zones that the plan is made of, and the problems of their files."""
    geo: GeoLoad = NO_GEO
    vantages: Vantages = ()
    """The vantages whose local truth counts for the clients near them."""
    failure: str = ""
    """The reason why the newest zones or geo data do not serve; empty when they do."""
