"""The part `listen.readyz` of a node file: when `/readyz` says that this node should get no queries."""

from typing import Annotated

from gtm.config.entry import Entry
from gtm.config.fields import choice

READY, UNREADY = "ready", "unready"


class ReadyzEntry(Entry):
    """The settings of readiness: whether a blind node is ready."""

    when_blind: Annotated[str, choice("when_blind", {READY: READY, UNREADY: UNREADY})] = READY
    """`unready`: `/readyz` is 503 while a node that answers queries hears no vote that counts."""

    @property
    def is_unready_when_blind(self) -> bool:
        """Returns whether a node with the role `dns` is unready while no vote counts (blind)."""
        return self.when_blind == UNREADY
