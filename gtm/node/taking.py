"""Takes another node file: every part goes by it from then on, as far as a running node can (config/changes.py).

Its state is the node file that counts now, which those who need it read from `current`, and whether all parts have it.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gtm.admin.write_access import Doorkeeper
from gtm.node.config.current import CurrentConfig
from gtm.node.config.model import NodeConfig
from gtm.node.listener import warning_of_plain_http
from gtm.node.overrides.store import OverrideDesk
from gtm.node.rivers.health import HealthRiver
from gtm.node.rivers.sharing import Sharing
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.node.trust import keys_of, make_claims
from gtm.probe.push_handler import PushDesk
from gtm.share.report_store import ReportStore

if TYPE_CHECKING:
    from gtm.node.rivers.places import ClientPlaces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Takers:
    """The parts that go by a node file and can take another one."""

    report_store: ReportStore
    state: StateFolder
    sharing: Sharing
    overrides: OverrideDesk
    pushes: PushDesk
    places: "ClientPlaces | None"
    """None of a node that answers nothing."""
    zones: ZoneRiver
    door: Doorkeeper
    health: HealthRiver


class ConfigTaking:
    """Has all parts take another node file."""

    def __init__(self, current: CurrentConfig, takers: Takers) -> None:
        self._current = current
        self._takers = takers
        self._taken: NodeConfig | None = current.config
        """What all parts go by; None where a new node file was taken in part."""

    async def take(self, config: NodeConfig) -> None:
        """Goes by another node file from now on, as far as a running node can.

        If it is cut short, the next one is taken whole: what runs is then of neither file.
        """
        parts = self._takers
        before, self._taken = self._taken, None
        self._current.config = config
        if before is None or before.peers != config.peers:
            claims = make_claims(config, parts.report_store.claims, parts.state)
            parts.report_store.take_peers(keys_of(config), claims)
            parts.sharing.take(config)
        if before is None or _speakers_of(before) != _speakers_of(config):
            parts.overrides.accept(keys_of(config), config.overrides_from)
        if before is None or before.permits != config.permits:
            parts.sharing.take(config)
            parts.pushes.take(config.permitted)
        if parts.places is not None:
            parts.places.take(settle_s=config.settle_s)
        await parts.zones.take(settle_s=config.settle_s, most_lost=config.most_lost)
        await parts.door.take(config.credentials)
        parts.health.take(quorum=config.quorum, permits=config.permitted)
        parts.health.publish_soon()
        warning = warning_of_plain_http(config)
        if warning and (before is None or not warning_of_plain_http(before)):
            log.warning("%s", warning)
        self._taken = config


def _speakers_of(config: NodeConfig) -> tuple[object, ...]:
    """Returns the settings that say which overrides may count."""
    return config.peers, config.overrides_from
