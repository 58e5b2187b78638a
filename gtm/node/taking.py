"""Applies a new configuration to all parts of a running node, as far as that is possible (config/changes.py).

Its state: the configuration that counts now, which other parts read from `current`, and whether all parts have it.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gtm.admin.write_access import Doorkeeper
from gtm.node.config.current import CurrentConfig
from gtm.node.config.model import NodeConfig
from gtm.node.listener import warning_of_plain_http
from gtm.node.overrides.store import OverrideStore
from gtm.node.rivers.health import HealthRiver
from gtm.node.rivers.sharing import Sharing
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.node.trust import keys_of, make_claims
from gtm.probe.push_handler import PushHandler
from gtm.share.report_store import ReportStore

if TYPE_CHECKING:
    from gtm.node.rivers.places import ClientPlaces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Takers:
    """The parts of a node whose settings can change while it runs."""

    report_store: ReportStore
    state: StateFolder
    sharing: Sharing
    overrides: OverrideStore
    pushes: PushHandler
    places: "ClientPlaces | None"
    """None on a node without the role `dns`."""
    zones: ZoneRiver
    door: Doorkeeper
    health: HealthRiver


class ConfigTaking:
    """Applies a new configuration to all parts of a running node."""

    def __init__(self, current: CurrentConfig, takers: Takers) -> None:
        self._current = current
        self._takers = takers
        self._taken: NodeConfig | None = current.config
        """The configuration that all parts have; None when an earlier change broke off in the middle."""

    async def take(self, config: NodeConfig) -> None:
        """Gives a new configuration to every part whose settings changed.

        If an error breaks this off, the next call gives all settings to all parts again, because the parts then have
        settings of two configurations.
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
    """Returns the settings that decide whose overrides count."""
    return config.peers, config.overrides_from
