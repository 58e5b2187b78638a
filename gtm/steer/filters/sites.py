"""Sites: regions at one point, which the distance does not tell apart, and whose turn it is where.

What comes in: regions, and a client's point. What goes out: the regions of a site with the point's own one first. A
point has the same one always, whatever the query, the node and the health of the others (rendezvous hashing: Thaler and
Ravishankar, 1998); each region of a site has as many points as the others, and one that is added takes its share of
each and moves nobody else.
"""

from collections import defaultdict
from collections.abc import Hashable
from hashlib import blake2b

from gtm.geo.place import Coordinates
from gtm.steer.filter import Regions
from gtm.zone.model import Region

Site = tuple[Region, ...]
"""Regions with the same coordinates and bias, sorted by name; a region without coordinates is alone."""


def sites_of(regions: Regions) -> list[Site]:
    """Returns the sites, sorted by the name of their first region."""
    sites: dict[Hashable, list[Region]] = defaultdict(list)
    for region in sorted(regions, key=lambda region: region.name):
        sites[_key(region)].append(region)
    return [tuple(site) for site in sites.values()]


def site_of(region: Region, regions: Regions) -> Site:
    """Returns the site of one of the regions."""
    return next(site for site in sites_of(regions) if region in site)


def own_first(site: Site, at: Coordinates) -> Site:
    """Returns the regions of a site in the order in which a point gets them."""
    if len(site) == 1:
        return site
    own = max(range(len(site)), key=lambda number: _draw(site[number], at))
    return site[own:] + site[:own]


def _key(region: Region) -> Hashable:
    return region.name if region.at is None else (region.at, region.bias)


def _draw(region: Region, at: Coordinates) -> bytes:
    """Returns what decides whose a point is: the same bytes on every machine, and for -0.0 as for 0.0."""
    north, east = (round(degrees, DECIMALS) + 0.0 for degrees in at)
    return blake2b(f"{region.name} {north} {east}".encode(), digest_size=8).digest()


DECIMALS = 4
"""Ten metres: what databases have, and 32 bits do too."""
