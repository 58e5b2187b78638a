"""Readiness: whether this node should get queries, and why not. `/readyz`, `gtm_ready` and `gtm status` show it.

    stopping    a signal to stop came
    no zone     no zone serves: there is no zone file, or none without mistakes
    cold        the health of endpoints is not known yet; the node waits a few seconds for it
    blind       no vote counts here, and the node file says that it is not ready then (`listen.readyz.when_blind`)

Anybody who can reach the health port may read the reasons: they contain numbers, and no names.
"""

from collections.abc import Callable

from gtm.health.belief import Belief
from gtm.node.planner import Planner


class Readiness:
    """Decides whether this node should get queries, and gives the reason when it should not."""

    def __init__(
        self,
        planner: Planner,
        *,
        is_warm: Callable[[], bool],
        is_stopping: Callable[[], bool] = bool,
        is_blind: Callable[[], bool] = bool,
    ) -> None:
        """`is_blind` returns whether the node is blind; always false unless `listen.readyz.when_blind` is `unready`."""
        self._planner = planner
        self._is_warm = is_warm
        self._is_stopping = is_stopping
        self._is_blind = is_blind

    @property
    def is_ready(self) -> bool:
        """Returns whether this node should get queries."""
        return not self.why_not()

    def why_not(self) -> str:
        """Returns the reason in one line why this node should get no queries; an empty text when it should."""
        if self._is_stopping():
            return "it is stopping"
        present = self._planner.present
        if not present.plan.zones:
            return "it serves no zone: no zone file was good yet, or there is none"
        if not self._is_warm():
            status, watched = present.status, present.plan.watchers
            unknown = sum(status.belief(check) is Belief.UNKNOWN for check in watched)
            return f"it waits for the first health: nothing is known of {unknown} of {len(watched)} checks yet"
        if self._is_blind():
            return "it is blind: no vote of any probe counts here, and listen.readyz.when_blind says unready"
        return ""
