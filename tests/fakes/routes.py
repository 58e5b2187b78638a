"""The table of routes of a node of which only the readiness matters."""

from collections.abc import Callable
from typing import Any

from gtm.admin.credentials import Credentials
from gtm.admin.routes import Route
from gtm.admin.write_access import Doorkeeper
from gtm.counters import Counters
from gtm.node.admin_routes import admin_routes
from gtm.probe.heartbeats import Heartbeats
from gtm.probe.push_handler import PushHandler
from tests.fakes.clock import FakeClock
from tests.fakes.permits import permits


class Subject:
    """A node that only says whether it is ready."""

    def __init__(self, unready: Callable[[], str]) -> None:
        self.unready = unready


def routes(unready: Callable[[], str]) -> tuple[Route, ...]:
    """Returns the table of routes of a node."""
    anything: Any = Subject(unready)
    return admin_routes(
        subject=anything,
        overriding=anything,
        door=Doorkeeper(Credentials(), clock=FakeClock()),
        zones=tuple,
        pushes=PushHandler(Heartbeats(), permits(), clock=FakeClock(), counters=Counters()),
        takes_pushes=True,
        reports=anything,
        metrics=anything,
    )
