"""The views of a plan, a status and an overlay, computed once for each: polls of an unchanged node are cheap.

A node with thousands of services takes a tenth of a second to make them, so they are made in a thread. Both the plan
and the status are frozen, and are the same object while nothing changed.
"""

import asyncio
from dataclasses import dataclass, fields

from gtm.admin.compose import region_views, service_views, zone_views
from gtm.admin.encode import encode_plain
from gtm.admin.views import NodeStatus, RegionView, ServiceView, ZoneView
from gtm.health.consensus.status import Status
from gtm.plan.model import Plan
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.threads import Pool


@dataclass(frozen=True, slots=True)
class CachedViews:
    """The views of one plan, one status and one overlay."""

    plan: Plan
    status: Status
    overlay: Overlay
    services: tuple[ServiceView, ...]
    services_json: bytes
    zones: tuple[ZoneView, ...]
    regions: tuple[RegionView, ...]


def make_views(plan: Plan, status: Status, overlay: Overlay = NO_OVERLAY) -> CachedViews:
    """Returns the views of a plan, a status and an overlay."""
    services = service_views(plan, status, overlay)
    composed = encode_plain(services)
    return CachedViews(plan, status, overlay, services, composed, zone_views(plan), region_views(plan, status, overlay))


class ViewCache:
    """Keeps the last views, which are its state."""

    def __init__(self) -> None:
        self._views: CachedViews | None = None
        self._making = asyncio.Lock()
        self._threads = Pool("views", threads=1)

    async def refresh(self, plan: Plan, status: Status, overlay: Overlay = NO_OVERLAY) -> None:
        """Computes the views in a thread, unless the cache has them already."""
        async with self._making:
            if not _is_of(self._views, plan, status, overlay):
                self._views = await self._threads.run(make_views, plan, status, overlay)

    def of(self, plan: Plan, status: Status, overlay: Overlay = NO_OVERLAY) -> CachedViews:
        """Returns the views; computes them in this thread if the cache does not have them."""
        views = self._views
        if views is None or not _is_of(views, plan, status, overlay):
            views = self._views = make_views(plan, status, overlay)
        return views


def _is_of(views: CachedViews | None, plan: Plan, status: Status, overlay: Overlay) -> bool:
    return views is not None and views.plan is plan and views.status is status and views.overlay is overlay


def status_json(view: NodeStatus, services_json: bytes) -> bytes:
    """Returns a node's status as JSON; `services_json` is the JSON of its services, which is used as it is."""
    others = encode_plain({field.name: getattr(view, field.name) for field in fields(view) if field.name != "services"})
    return others.removesuffix(b"}") + b',"services":' + services_json + b"}"
