"""Saying something: people's wishes, held against what this node serves and against the rules of safety.

What comes in: the wishes of one command from the admin API, which are all taken or none. What goes out: overrides in
force, in the plan before `say` returns (soon after it where a zone takes long to decide, see gtm/node/planner.py), and
on their way to the disk (`is_saved`) and to the peers, each with what it changes; or OverrideRefused:

    nothing here is in its scope, or there is nothing to clear     is_unknown
    it would change nothing (gtm/plan/override_effects.py)                  TakesNothing
    too few regions would be left, now or once another one ends    rule `at_least`
    this node holds as many as it may

What the rule `at_least` lifts may change nothing: who names it is told what is answered still, and wants it so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from gtm.admin.effect_text import MAX_NAMED, nothing_words, until_words
from gtm.errors import OverrideRefused
from gtm.health.override.override import (
    DEFAULT_SPAN_S,
    MAX_PER_NODE,
    TAKING,
    Action,
    InForce,
    Override,
    SafetyRule,
    Wish,
)
from gtm.health.override.scope import Scope, Spot, covers, scopes_of
from gtm.node.notices.safety import in_short
from gtm.node.overrides.notices import is_known
from gtm.node.overrides.overlay import Guide
from gtm.node.overrides.store import OverrideDesk
from gtm.node.planner import Planner
from gtm.plan.model import SteeredService
from gtm.plan.overlay import Guidance, is_spoken_of, overriding
from gtm.plan.override_effects import Effect, Said, TakesNothing, effect_of, freed_by
from gtm.plan.safety.minimums import Refusal
from gtm.threads import is_true_within

SAVE_LIMIT_S = 1.0
"""Who says something hears by then that it counts, however slow the disk is."""

MAX_MOMENTS = 20
"""Ends of other overrides that `at_least` is held against, the first: each costs a look at every service touched."""


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

    def say(self, wishes: Sequence[Wish]) -> tuple[Said, ...]:
        """Says all of this from now on. Raises OverrideRefused, and then says nothing of it."""
        said = self._overrides.in_force()
        signed = [one for wish in wishes for one in self._signed(wish)]
        wishes = [self._timed(wish, said) for wish in {wish.scope: wish for wish in signed}.values()]
        for wish in wishes:
            self._require_known(wish, said)
        if self._overrides.is_full(wish.scope for wish in wishes):
            raise OverrideRefused(
                f"this node holds {MAX_PER_NODE} overrides, as many as it may: this would push out one that is in "
                "force; say it of a larger scope, or at another node"
            )
        made = self._overrides.made_of(wishes)
        found = tuple(self._said(wish, one, made) for wish, one in zip(wishes, made, strict=True))
        is_last = any(one.effect.is_last for one in found)
        if is_last:  # the rule says how many there would be
            self._require_enough(wishes, made)
        _require_effect(found, wishes, wall=self._overrides.wall)
        if not is_last:
            self._require_enough(wishes, made)
        self._overrides.take(made)
        self._applied()
        self._publish()
        return found

    async def is_saved(self) -> bool:
        """Returns whether all that was said is on disk; False after SAVE_LIMIT_S if it is not known by then."""
        return await is_true_within(SAVE_LIMIT_S, self._overrides.written)

    def _signed(self, wish: Wish) -> Sequence[Wish]:
        """Returns a wish; one that ends something, for each scope that was signed for what is called so now."""
        if wish.action is not Action.CLEAR or wish.is_signed:
            return (wish,)
        return [replace(wish, scope=scope) for scope in self._overrides.signed_as(wish.scope)] or (wish,)

    def _require_known(self, wish: Wish, said: InForce) -> None:
        if wish.action is Action.CLEAR:
            if all(one.scope != wish.scope for one in said.by_scope.values()) and not self._signed_here(wish.scope):
                words = f"nothing is said of {wish.scope}{self._wider_words(wish.scope)}"
                raise OverrideRefused(words, is_unknown=True)
        elif not is_known(wish.scope, self._planner.plan):
            raise OverrideRefused(f"nothing that this node serves is in {wish.scope}", is_unknown=True)

    def _signed_here(self, scope: Scope) -> bool:
        return scope in self._overrides.signed_as(scope)

    def _wider_words(self, scope: Scope) -> str:
        """Returns what decides for the endpoints of a scope of which nothing is said."""
        found = list(dict.fromkeys(one for one in self._deciding(scope) if one.action is not Action.OBEY))
        if not found:
            return "; `gtm overrides` lists what is in force"
        words = "; ".join(f"{one.action.value} {one.scope} (gtm clear {one.id})" for one in found[:MAX_NAMED])
        return f"; what counts there is {words}; `gtm obey` exempts from it"

    def _deciding(self, scope: Scope) -> Iterator[Override]:
        """Yields what decides for each endpoint in a scope, where something does."""
        said = self._overrides.in_force()
        for steered in self._planner.plan.services.values():
            for spot, override in zip(steered.spots, overriding(steered, said), strict=True):
                if override is not None and covers(scope, spot):
                    yield override

    def _timed(self, wish: Wish, said: InForce) -> Wish:
        """Returns the wish with its time: an exemption is not to end before what it is exempt from."""
        if wish.action is not Action.OBEY or wish.span_s is not None:
            return wish
        wider = [
            said.by_scope[scope].until
            for steered in self._planner.plan.services.values()
            if is_spoken_of(steered, said)
            for spot in steered.spots
            if covers(wish.scope, spot)
            for scope in _wider(wish.scope, spot)
            if scope in said.by_scope and said.by_scope[scope].action in TAKING
        ]
        span_s = max([DEFAULT_SPAN_S, *(until - self._overrides.wall for until in wider)])
        return replace(wish, span_s=span_s)

    def _said(self, wish: Wish, override: Override, made: Sequence[Override]) -> Said:
        """Returns what an override will have changed, once all of these are said."""
        before = self._overrides.in_force()
        is_end = wish.action is Action.CLEAR
        ended = tuple(
            dict.fromkeys(
                one for scope, one in before.by_scope.items() if (one.scope if is_end else scope) == wish.scope
            )
        )
        services, held = self._planner.plan.services.values(), self._planner.guidance.held
        after = self._overrides.in_force_with(made, wall=override.made_at)
        if wish.action is Action.CLEAR:
            return Said(override, freed_by(services, before, after, ended=ended), ended)
        effect = effect_of(
            services,
            self._planner.status,
            Guidance(before, held),
            Guidance(after, held),
            decided=self._planner.plan.decisions,
            said=override,
            scope=wish.scope,
            outlasts=wish.span_s is not None,
        )
        return Said(override, effect, ended)

    def _require_enough(self, wishes: Sequence[Wish], made: Sequence[Override]) -> None:
        """Raises OverrideRefused where too few regions would be left, unless the wishes override that rule."""
        asked = [wish for wish in wishes if wish.action in TAKING or wish.action is Action.CLEAR]
        if not asked or any(SafetyRule.AT_LEAST in wish.rules for wish in asked):
            return
        touched = InForce({one.scope: one for one in made})
        services = [one for one in self._planner.plan.services.values() if is_spoken_of(one, touched)]
        for moment, ending in self._moments(made):
            before, after = (
                Guidance(self._overrides.in_force_with(some, wall=moment), self._planner.guidance.held)
                for some in ((), made)
            )
            refusals = self._guide.too_much([one for one in services if _takes_more(one, before, after)], before, after)
            if refusals:
                self._guide.alarm.refuse(asked[0], refusals)
                raise OverrideRefused(self._too_much_words(refusals, made, ending), rule=SafetyRule.AT_LEAST.value)

    def _moments(self, made: Sequence[Override]) -> Iterator[tuple[float, Override | None]]:
        """Yields now, and when what keeps something in the answers ends while something of this is in force."""
        yield max(one.made_at for one in made), None
        new, last = {one.scope for one in made}, max((one.until for one in made if one.action in TAKING), default=0.0)
        ending = {
            one.until: one
            for scope, one in self._overrides.in_force().by_scope.items()
            if scope not in new and one.action not in TAKING and one.until < last
        }
        yield from sorted(ending.items(), key=lambda item: item[0])[:MAX_MOMENTS]

    def _too_much_words(self, refusals: Sequence[Refusal], made: Sequence[Override], ending: Override | None) -> str:
        words = f"safety rule at_least refuses this: {in_short(refusals)}"
        if ending is not None:
            when = until_words(ending.until, wall=self._overrides.wall)
            span_s = ending.until - max(one.made_at for one in made)
            longest = f"{int(span_s // 60)}m" if span_s >= 60 else f"{int(span_s)}s"
            words += f", from {when} on, when {ending.action.value} {ending.scope} of {ending.by} ends"
            words += f" (`--for {longest}` ends before that)" if span_s >= 1 else ""
        return f"{words}; `--override-rule at_least` does it all the same"


def _wider(scope: Scope, spot: Spot) -> tuple[Scope, ...]:
    scopes = scopes_of(spot)
    return scopes[scopes.index(scope) + 1 :]


def _takes_more(steered: SteeredService, before: Guidance, after: Guidance) -> bool:
    """Returns whether a person takes out an endpoint that nobody took out before."""
    was, now = overriding(steered, before.said), overriding(steered, after.said)
    return any(
        new is not None and new.action in TAKING and (old is None or old.action not in TAKING)
        for old, new in zip(was, now, strict=True)
    )


def _require_effect(found: Sequence[Said], wishes: Sequence[Wish], *, wall: float) -> None:
    """Raises TakesNothing for the first of these that changes nothing."""
    for one, wish in zip(found, wishes, strict=True):
        if one.effect.is_nothing and not _may_change_nothing(wish, one.effect):
            raise TakesNothing(nothing_words(one.override, one.effect, wall=wall), one.effect, wall=wall)


def _may_change_nothing(wish: Wish, effect: Effect) -> bool:
    if wish.action in TAKING:
        return effect.is_last and SafetyRule.AT_LEAST in wish.rules  # somebody knows
    return wish.action is Action.CLEAR or bool(wish.rules)  # rules are lifted whatever decides for the endpoints
