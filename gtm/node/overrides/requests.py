"""Requests for overrides: checked against what this node serves and against the safety rules, then made.

What comes in: the requests of one command from the admin API, which are all accepted or all refused. What goes out:
overrides in force, each with its effect. They are in the plan before `say` returns, or soon after it where a zone takes
long to decide (gtm/node/planner.py). The disk (`is_saved`) and the peers follow. Or OverrideRefused is raised:

    nothing here is in its scope, or there is nothing to clear         is_unknown
    it would change nothing (gtm/plan/override_effects.py)             TakesNothing
    too few regions would be left, now or once another override ends   rule `at_least`
    this node has as many overrides as it may

A request that overrides the rule `at_least` may change nothing: the person wants that, and the result says what is
still answered.
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
    OverrideRequest,
    SafetyRule,
)
from gtm.health.override.scope import EndpointRef, Scope, covers, scopes_of
from gtm.node.notices.safety import SafetyNotices, in_short
from gtm.node.overrides.notices import is_known
from gtm.node.overrides.store import OverrideStore
from gtm.node.planner import Planner
from gtm.plan.model import SteeredService
from gtm.plan.overlay import Overlay, is_spoken_of, overriding
from gtm.plan.override_effects import Effect, Said, TakesNothing, effect_of, freed_by
from gtm.plan.safety.minimums import Refusal, taking_too_much
from gtm.threads import is_true_within

SAVE_LIMIT_S = 1.0
"""The most seconds that a person waits for the disk before the answer to a request."""

MAX_MOMENTS = 20
"""The most ends of other overrides at which `at_least` is checked, the first ones: each check reads all services in
scope."""


class OverrideRequests:
    """Turns requests of people into overrides.

    `applied` is called to merge at once, and `publish` to make the next report to the peers at once.
    """

    def __init__(
        self,
        planner: Planner,
        overrides: OverrideStore,
        notices: SafetyNotices,
        *,
        applied: Callable[[], None],
        publish: Callable[[], None],
    ) -> None:
        self._planner = planner
        self._overrides = overrides
        self._notices = notices
        self._applied = applied
        self._publish = publish

    def in_force(self) -> InForce:
        """Returns the overrides in force."""
        return self._overrides.in_force()

    def say(self, wanted_all: Sequence[OverrideRequest]) -> tuple[Said, ...]:
        """Makes overrides of all these requests, and returns the effects of each.

        Raises OverrideRefused when one cannot be made; then none is made.
        """
        overrides = self._overrides.in_force()
        signed = [override for wanted in wanted_all for override in self._signed(wanted)]
        wanted_all = [self._timed(wanted, overrides) for wanted in {wanted.scope: wanted for wanted in signed}.values()]
        for wanted in wanted_all:
            self._require_known(wanted, overrides)
        if self._overrides.is_full(wanted.scope for wanted in wanted_all):
            raise OverrideRefused(
                f"this node holds {MAX_PER_NODE} overrides, as many as it may: this would push out one that is in "
                "force; say it of a larger scope, or at another node"
            )
        made = self._overrides.made_of(wanted_all)
        effects = tuple(self._said(wanted, override, made) for wanted, override in zip(wanted_all, made, strict=True))
        is_last = any(override.effect.is_last for override in effects)
        if is_last:  # the refusal by the rule says how many regions would be left
            self._require_enough(wanted_all, made)
        _require_effect(effects, wanted_all, wall=self._overrides.wall)
        if not is_last:
            self._require_enough(wanted_all, made)
        self._overrides.take(made)
        self._applied()
        self._publish()
        return effects

    async def is_saved(self) -> bool:
        """Returns whether all overrides are on disk; False if that is not known after SAVE_LIMIT_S."""
        return await is_true_within(SAVE_LIMIT_S, self._overrides.written)

    def _signed(self, wanted: OverrideRequest) -> Sequence[OverrideRequest]:
        """Returns the request, or for the action `clear` one request for each scope of the overrides to end.

        A renamed scope has another name now than when its override was signed; only the signed one can be cleared.
        """
        if wanted.action is not Action.CLEAR or wanted.is_signed:
            return (wanted,)
        return [replace(wanted, scope=scope) for scope in self._overrides.signed_as(wanted.scope)] or (wanted,)

    def _require_known(self, wanted: OverrideRequest, overrides: InForce) -> None:
        if wanted.action is Action.CLEAR:
            if all(
                override.scope != wanted.scope for override in overrides.by_scope.values()
            ) and not self._signed_here(wanted.scope):
                message = f"nothing is said of {wanted.scope}{self._wider_words(wanted.scope)}"
                raise OverrideRefused(message, is_unknown=True)
        elif not is_known(wanted.scope, self._planner.present.plan):
            raise OverrideRefused(f"nothing that this node serves is in {wanted.scope}", is_unknown=True)

    def _signed_here(self, scope: Scope) -> bool:
        return scope in self._overrides.signed_as(scope)

    def _wider_words(self, scope: Scope) -> str:
        """Returns words that name the overrides of wider scopes that count for the endpoints in a scope."""
        overrides = list(
            dict.fromkeys(override for override in self._deciding(scope) if override.action is not Action.OBEY)
        )
        if not overrides:
            return "; `gtm overrides` lists what is in force"
        message = "; ".join(
            f"{override.action.value} {override.scope} (gtm clear {override.id})" for override in overrides[:MAX_NAMED]
        )
        return f"; what counts there is {message}; `gtm obey` exempts from it"

    def _deciding(self, scope: Scope) -> Iterator[Override]:
        """Yields the override that counts for each endpoint in a scope, where there is one."""
        overrides = self._overrides.in_force()
        for steered in self._planner.present.plan.services.values():
            for endpoint_ref, override in zip(steered.endpoint_refs, overriding(steered, overrides), strict=True):
                if override is not None and covers(scope, endpoint_ref):
                    yield override

    def _timed(self, wanted: OverrideRequest, overrides: InForce) -> OverrideRequest:
        """Returns the request with a time span: an `obey` must not end before the wider overrides it exempts from."""
        if wanted.action is not Action.OBEY or wanted.span_s is not None:
            return wanted
        wider = [
            overrides.by_scope[scope].until
            for steered in self._planner.present.plan.services.values()
            if is_spoken_of(steered, overrides)
            for endpoint_ref in steered.endpoint_refs
            if covers(wanted.scope, endpoint_ref)
            for scope in _wider(wanted.scope, endpoint_ref)
            if scope in overrides.by_scope and overrides.by_scope[scope].action in TAKING
        ]
        span_s = max([DEFAULT_SPAN_S, *(until - self._overrides.wall for until in wider)])
        return replace(wanted, span_s=span_s)

    def _said(self, wanted: OverrideRequest, override: Override, made: Sequence[Override]) -> Said:
        """Returns an override with its effects once all of `made` are in force, and the overrides that it ends."""
        before = self._overrides.in_force()
        is_end = wanted.action is Action.CLEAR
        ended = tuple(
            dict.fromkeys(
                former
                for scope, former in before.by_scope.items()
                if (former.scope if is_end else scope) == wanted.scope
            )
        )
        present = self._planner.present
        services, held = present.plan.services.values(), present.overlay.held
        after = self._overrides.in_force_with(made, wall=override.made_at)
        if wanted.action is Action.CLEAR:
            return Said(override, freed_by(services, before, after, ended=ended), ended)
        effect = effect_of(
            services,
            present.status,
            Overlay(before, held),
            Overlay(after, held),
            decided=present.plan.decisions,
            override=override,
            scope=wanted.scope,
            outlasts=wanted.span_s is not None,
        )
        return Said(override, effect, ended)

    def _require_enough(self, wanted_all: Sequence[OverrideRequest], made: Sequence[Override]) -> None:
        """Raises OverrideRefused if too few regions would be left, unless a request overrides the rule `at_least`."""
        asked = [wanted for wanted in wanted_all if wanted.action in TAKING or wanted.action is Action.CLEAR]
        if not asked or any(SafetyRule.AT_LEAST in wanted.rules for wanted in asked):
            return
        touched = InForce({override.scope: override for override in made})
        present = self._planner.present
        services = [service for service in present.plan.services.values() if is_spoken_of(service, touched)]
        for moment, ending in self._moments(made):
            before, after = (
                Overlay(self._overrides.in_force_with(some, wall=moment), present.overlay.held) for some in ((), made)
            )
            refusals = taking_too_much(
                [service for service in services if _takes_more(service, before, after)],
                present.status,
                before,
                after,
            )
            if refusals:
                self._notices.refuse(asked[0], refusals)
                raise OverrideRefused(self._too_much_words(refusals, made, ending), rule=SafetyRule.AT_LEAST.value)

    def _moments(self, made: Sequence[Override]) -> Iterator[tuple[float, Override | None]]:
        """Yields the wall times at which to check the rule `at_least`, each with the override that ends then.

        The first is now, with None. The others are ends of overrides with the actions `up` and `obey`, which end while
        one of `made` still takes endpoints out of the answers.
        """
        yield max(override.made_at for override in made), None
        new, last = (
            {override.scope for override in made},
            max((override.until for override in made if override.action in TAKING), default=0.0),
        )
        ending = {
            override.until: override
            for scope, override in self._overrides.in_force().by_scope.items()
            if scope not in new and override.action not in TAKING and override.until < last
        }
        yield from sorted(ending.items(), key=lambda item: item[0])[:MAX_MOMENTS]

    def _too_much_words(self, refusals: Sequence[Refusal], made: Sequence[Override], ending: Override | None) -> str:
        message = f"safety rule at_least refuses this: {in_short(refusals)}"
        if ending is not None:
            when = until_words(ending.until, wall=self._overrides.wall)
            span_s = ending.until - max(override.made_at for override in made)
            longest = f"{int(span_s // 60)}m" if span_s >= 60 else f"{int(span_s)}s"
            message += f", from {when} on, when {ending.action.value} {ending.scope} of {ending.by} ends"
            message += f" (`--for {longest}` ends before that)" if span_s >= 1 else ""
        return f"{message}; `--override-rule at_least` does it all the same"


def _wider(scope: Scope, endpoint_ref: EndpointRef) -> tuple[Scope, ...]:
    scopes = scopes_of(endpoint_ref)
    return scopes[scopes.index(scope) + 1 :]


def _takes_more(steered: SteeredService, before: Overlay, after: Overlay) -> bool:
    """Returns whether overrides in `after` take out an endpoint of a service that none in `before` took out."""
    was, now = overriding(steered, before.said), overriding(steered, after.said)
    return any(
        new is not None and new.action in TAKING and (old is None or old.action not in TAKING)
        for old, new in zip(was, now, strict=True)
    )


def _require_effect(effects: Sequence[Said], wanted_all: Sequence[OverrideRequest], *, wall: float) -> None:
    """Raises TakesNothing for the first override that changes nothing and may not."""
    for effect, wanted in zip(effects, wanted_all, strict=True):
        if effect.effect.is_nothing and not _may_change_nothing(wanted, effect.effect):
            raise TakesNothing(nothing_words(effect.override, effect.effect, wall=wall), effect.effect, wall=wall)


def _may_change_nothing(wanted: OverrideRequest, effect: Effect) -> bool:
    if wanted.action in TAKING:
        return effect.is_last and SafetyRule.AT_LEAST in wanted.rules  # the person wants that
    return wanted.action is Action.CLEAR or bool(wanted.rules)  # its rules are lifted even if it changes no belief
