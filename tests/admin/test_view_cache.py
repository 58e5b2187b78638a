import asyncio
import threading
from pathlib import Path

import msgspec
import pytest
from pydantic import TypeAdapter

from gtm.admin import view_cache as cached
from gtm.admin.view_cache import CachedViews, ViewCache, make_views, status_json
from gtm.admin.views import NodeStatus
from gtm.health.consensus.status import Status
from gtm.plan.model import Plan
from gtm.plan.overlay import Overlay
from tests.admin.served import Served, serving
from tests.fakes import world
from tests.node.present import SMALL


class Makings:
    """Counts how often views are made, and in which threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[threading.Thread] = []
        monkeypatch.setattr(cached, "make_views", self.make)

    def make(self, plan: Plan, status: Status, overlay: Overlay) -> CachedViews:
        self.threads.append(threading.current_thread())
        return make_views(plan, status, overlay)


def test_an_unchanged_node_makes_its_views_once_however_many_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makings = Makings(monkeypatch)
    with serving(tmp_path, a=SMALL) as node:
        bodies = [node.ask("GET", "/v1/status").json["services"] for _ in range(5)]
        node.ask("GET", "/v1/regions")
        assert len(makings.threads) == 1
        assert bodies == [bodies[0]] * 5
        node.planner.take_status(world.status(world.down("192.0.2.1"), world.zone(SMALL)))
        assert node.ask("GET", "/v1/status").json["services"] != bodies[0]
        assert len(makings.threads) == 2


def test_views_are_made_off_the_event_loop_and_once_for_a_crowd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makings, planner, cache = Makings(monkeypatch), Served(tmp_path).planner, ViewCache()

    async def story() -> None:
        await asyncio.gather(*(cache.refresh(planner.present.plan, planner.present.status) for _ in range(20)))

    asyncio.run(story())
    assert len(makings.threads) == 1
    assert makings.threads[0] is not threading.main_thread()
    assert cache.of(planner.present.plan, planner.present.status).plan is planner.present.plan
    assert len(makings.threads) == 1


def test_views_that_nobody_refreshed_are_made_at_once(tmp_path: Path) -> None:
    planner, cache = Served(tmp_path).planner, ViewCache()
    assert cache.of(planner.present.plan, planner.present.status) == make_views(
        planner.present.plan, planner.present.status
    )


def test_the_json_is_that_of_the_whole_status(tmp_path: Path) -> None:
    with serving(tmp_path, world=world.WORLD) as node:
        node.planner.take_status(world.status(world.down("192.0.2.20"), world.zone()))
        view = node.subject.status()
    composed = status_json(view, msgspec.json.encode(view.services))
    assert TypeAdapter(NodeStatus).validate_json(composed) == view
    assert msgspec.json.decode(composed) == msgspec.json.decode(TypeAdapter(NodeStatus).dump_json(view))
