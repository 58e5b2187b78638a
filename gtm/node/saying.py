"""Saying something: a person's wish, held against what this node serves and against the rules of safety.

What comes in: wishes from the admin API. What goes out: overrides in force, in the plan before `say` returns (soon
after it where a zone takes long to decide, see planner.py), and on their way to the disk (`is_saved`) and to the peers;
or OverrideRefused.
"""

from collections.abc import Callable

from gtm.errors import OverrideRefused
from gtm.health.override import (
    MAX_PER_NODE,
    TAKING,
    InForce,
    Override,
    SafetyRule,
    Wish,
    in_force,
)
from gtm.node.alarm import in_short
from gtm.node.guide import Guide
from gtm.node.override_telling import is_known
from gtm.node.overrides import OverrideDesk
from gtm.node.planner import Planner
from gtm.plan.guidance import Guidance
from gtm.threads import is_true_within

SAVE_LIMIT_S = 1.0
"""Who says something hears by then that it counts, however slow the disk is."""


class Saying:
    """Takes wishes. `applied` merges at once, and `publish` has the peers told."""

    def __init__(
        self,
        planner: Planner,
        overrides: OverrideDesk,
        guide: Guide,
        *,
        applied: Callable[[], None],
        publish: Callable[[], None],
    ) -> None:
        self._planner = planner
        self._overrides = overrides
        self._guide = guide
        self._applied = applied
        self._publish = publish

    def in_force(self) -> InForce:
        """Returns what people said and is in force."""
        return self._overrides.in_force()

    def say(self, wish: Wish) -> Override:
        """Says something from now on. Raises OverrideRefused."""
        if not is_known(wish.scope, self._planner.plan):
            raise OverrideRefused(f"nothing that this node serves is in {wish.scope}", is_unknown=True)
        if self._overrides.is_full(wish.scope):
            raise OverrideRefused(
                f"this node holds {MAX_PER_NODE} overrides, as many as it may: this would push out one that is in "
                "force; say it of a larger scope, or at another node"
            )
        self._require_enough(wish)
        override = self._overrides.say(wish)
        self._applied()
        self._publish()
        return override

    async def is_saved(self) -> bool:
        """Returns whether all that was said is on disk; False after SAVE_LIMIT_S if it is not known by then."""
        return await is_true_within(SAVE_LIMIT_S, self._overrides.written)

    def _require_enough(self, wish: Wish) -> None:
        """Raises OverrideRefused where too few regions would be left, unless the wish overrides that rule."""
        if wish.action not in TAKING or SafetyRule.AT_LEAST in wish.rules:
            return
        wanted = self._overrides.made_of(wish)
        said = in_force({**self._overrides.known, wish.scope: wanted}, wall=wanted.made_at)
        refusals = self._guide.too_much(Guidance(said, self._planner.guidance.held))
        if refusals:
            self._guide.alarm.refuse(wish, refusals)
            named = in_short(refusals)
            words = f"safety rule at_least refuses this: {named}; `--override-rule at_least` does it all the same"
            raise OverrideRefused(words, rule=SafetyRule.AT_LEAST.value)
