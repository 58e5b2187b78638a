r"""The overrides that this node knows: made here, heard from peers, kept on disk, and passed on in its reports.

    made here -> signed ------------------------+-> known -> carried by this node's reports, saved
    reports of the book -> acceptance.py ----+     \-> in force now -> overlay of the planner

The overrides of each accepted node are kept apart, and the newest of each scope counts
(gtm/health/override/override.py). Nothing here waits for a peer or for the disk; `written` is done once all is on disk.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from itertools import zip_longest

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.event import EventId
from gtm.health.override.override import (
    CLEAR_SPAN_S,
    DEFAULT_SPAN_S,
    KEPT_S,
    MAX_AHEAD_S,
    MAX_PER_NODE,
    NO_OVERRIDES,
    NOTHING_HELD,
    NOTHING_IN_FORCE,
    Action,
    InForce,
    Override,
    OverrideId,
    OverrideRequest,
    Overrides,
    OverridesByNode,
    all_of,
    in_force,
    joined,
    kept,
    newest,
)
from gtm.health.override.scope import Scope
from gtm.health.override.signed import claimed_override, seal_override
from gtm.health.report.payload import MAX_CARRIED
from gtm.health.report.signature import Keys, PrivateKey
from gtm.ids import NodeName
from gtm.node.events.recorder import EventRecorder
from gtm.node.overrides.acceptance import OverrideDoor, Signed, within_bounds
from gtm.node.overrides.notices import OverrideTeller
from gtm.node.state.folder import KeptOverrides, StateFolder
from gtm.node.state.override_names import KeptNames, OverrideNames, compose_names, lost_line, moved_line
from gtm.plan.model import Plan
from gtm.plan.renamed_scopes import Layout
from gtm.share.report_store import ReportStore

MENDABLE = frozenset({"not_accepted", "unknown_reporter"})
"""The reasons of refusal after which a kept override stays on disk: a corrected node file may accept it again."""

log = logging.getLogger(__name__)


class OverrideStore:
    """Keeps all overrides. Its state: each with its signed text, and those that were in force at the last look."""

    def __init__(
        self,
        node: NodeName,
        key: PrivateKey,
        peers: Mapping[NodeName, Keys],
        *,
        accepted: AbstractSet[NodeName] | None,
        report_store: ReportStore,
        state: StateFolder,
        clock: Clock,
        counters: Counters,
        recorder: EventRecorder,
    ) -> None:
        self._node = node
        self._key = key
        self._door = OverrideDoor(node, key, peers, accepted=accepted, clock=clock, counters=counters)
        self._kept_names = state.load_override_names()
        self._names = OverrideNames(self._kept_names.renamed)
        self._teller = OverrideTeller(counters=counters, recorder=recorder, gone=self._kept_names.gone)
        self._report_store = report_store
        self._state = state
        self._clock = clock
        self._signed: dict[Override, str] = {}
        self._looked_at: dict[NodeName, tuple[str, ...]] = {}
        self._echoes: frozenset[Override] = frozenset()
        """Overrides in the name of this node that were not made here: its state was lost, or somebody has its key."""
        self._not_taken = KeptOverrides()
        """Kept texts whose signer is not accepted here now: the node file may be corrected."""
        self._left_out = 0
        self._now = self._told = NOTHING_IN_FORCE
        self._held: OverridesByNode = NOTHING_HELD
        self.known: Overrides = NO_OVERRIDES
        """The newest override of each scope, ended ones too."""
        self.written: Future[bool] = Future()
        """Done when all known overrides are on disk; its result is whether the write succeeded."""
        self.written.set_result(True)
        self._load(state.load_overrides())

    @property
    def wall(self) -> float:
        """Returns the wall time by this node's clock, in seconds."""
        return self._clock.wall()

    def made_of(self, wanted_all: Sequence[OverrideRequest]) -> tuple[Override, ...]:
        """Returns the overrides that these requests would make now, without making them; no two may have one scope."""
        stamps = {override.made_at for override in self._own.values()}
        made = []
        for wanted in wanted_all:
            made.append(self._made_of(wanted, stamps))
            stamps.add(made[-1].made_at)
        return tuple(made)

    def _made_of(self, wanted: OverrideRequest, stamps: AbstractSet[float]) -> Override:
        made_at = self._next_moment(wanted.scope, stamps)
        span_s = DEFAULT_SPAN_S if wanted.span_s is None else wanted.span_s
        until = made_at + (CLEAR_SPAN_S if wanted.action is Action.CLEAR else span_s)
        rules = tuple(sorted(set(wanted.rules), key=lambda rule: rule.value))
        identity = (wanted.scope, wanted.action, wanted.why, wanted.by)
        identifier = OverrideId(f"{self._node}:{round(made_at * 1000)}")
        return Override(identifier, self._node, *identity, made_at, until, rules)

    def is_full(self, scopes: Iterable[Scope]) -> bool:
        """Returns whether new overrides of these scopes would evict one that was made here and is in force."""
        own, new = self._own, [scope for scope in scopes if scope not in self._own]
        pushed = sorted(own.values(), key=lambda override: override.edition)[
            : max(0, len(own) + len(new) - MAX_PER_NODE)
        ]
        return any(override.is_in_force(self._clock.wall()) for override in pushed)

    def say(self, wanted: OverrideRequest) -> Override:
        """Makes an override of a request, in place of an earlier one of the same scope; returns it."""
        (override,) = made = self.made_of((wanted,))
        self.take(made)
        return override

    def take(self, made: Sequence[Override]) -> None:
        """Signs and keeps the overrides that `made_of` just returned; they count from now on."""
        for override in made:
            ahead_s = override.made_at - self._clock.wall()
            if ahead_s > MAX_AHEAD_S:
                message = (
                    "override %s is newer than one of its scope that is %.0f s ahead; peers follow when its time has "
                    "come"
                )
                log.warning(message, override.id, ahead_s)
        self._take({override: seal_override(override, self._key) for override in made})

    def hear(self) -> bool:
        """Takes the overrides in the reports of the book; returns whether any of them is new."""
        wall = self._clock.wall()
        is_any_due = wall >= self._door.look_again_at
        ripe = dict(self._door.ripe())
        for giver, heard in self._report_store.book.by_node.items():
            carried = heard.report.overrides
            if giver == self._node or (carried == self._looked_at.get(giver, ()) and not is_any_due):
                continue
            ripe.update(self._door.opened(carried, giver))
            self._looked_at[giver] = carried
        if is_any_due:
            self._door.forget_due(wall)
        return self._take(ripe, echoes=self._echoes_of(ripe))

    def in_force(self) -> InForce:
        """Returns the overrides in force; reports those that came into force or ended since the last call."""
        wall = self._clock.wall()
        self._drop_old(wall)
        counting = self._names.counting(self.known)
        told = in_force(counting, wall=wall)
        if told != self._told:
            self._teller.tell(told.by_scope, counting, wall=wall)
            self._told = told
        now = in_force(self._names.with_coming(counting), wall=wall, gone=self._teller.uncovered)
        if now != self._now:  # the same object while nothing changes
            self._now = now
        return self._now

    def in_force_with(self, made: Sequence[Override], *, wall: float) -> InForce:
        """Returns the overrides that would be in force at the time `wall` if those in `made` were added."""
        known = {**self.known, **{override.scope: override for override in made}}
        return in_force(self._names.with_coming(self._names.counting(known)), wall=wall)

    def signed_as(self, scope: Scope) -> tuple[Scope, ...]:
        """Returns the signed scopes of the overrides in force for a scope, which is given by its present name.

        If there are none: the scope itself, if an override in force was signed for it.
        """
        wall = self._clock.wall()
        overrides = [override for override in self.known.values() if override.is_in_force(wall)]
        scopes = tuple(override.scope for override in overrides if scope in self._names.of(override))
        return scopes or tuple(override.scope for override in overrides if override.scope == scope)

    def look_at(self, plan: Plan) -> None:
        """Reports the overrides whose scope became empty with this plan, or is no longer empty."""
        self._teller.look_at(plan, wall=self._clock.wall())
        self._save_names()

    def take_causes(self) -> tuple[EventId, ...]:
        """Returns the ids of the events since the last call: the causes of the plan that follows."""
        return self._teller.take_causes()

    def prepare(self, before: Layout, after: Layout) -> InForce:
        """Returns the overrides in force, both by the present names and by the names in a plan that is being made.

        `before` and `after` are the layouts of the present zones and of the new ones.
        """
        self._names.prepare(before, after)
        return self.in_force()

    def abandon(self) -> None:
        """Drops the new names of `prepare`, because no plan could be made of the new zones."""
        self._names.abandon()

    def commit(self, after: Layout) -> tuple[str, ...]:
        """Makes the new names of `prepare` count alone, because the new plan serves.

        Reports the overrides whose scope was renamed; returns lines for people about those, and about lost scopes.
        """
        overrides = self._told.by_scope
        lost = self._names.lost(overrides)
        followers = (*self.known.values(), *self._not_counting_yet())
        moved = self._names.commit(followers, wall=self._clock.wall())
        told = [override for override in moved if override.override in overrides.values()]
        self._teller.follow(told, lost, after)
        self._told = InForce(self._teller.told)  # other changes are reported at the next look
        self._save_names()
        return tuple(moved_line(override) for override in told) + tuple(
            lost_line(scope, overrides[scope]) for scope in sorted(lost, key=str)
        )

    def _save_names(self) -> None:
        names = KeptNames(self._names.renamed, self._teller.gone)
        if names != self._kept_names:
            self._kept_names = names
            self._state.save_override_names_apart(compose_names(names))

    @property
    def _own(self) -> Overrides:
        return self._held.get(self._node, NO_OVERRIDES)

    def _next_moment(self, scope: Scope, stamps: AbstractSet[float]) -> float:
        """Returns the time for a new override: now, or just after the newest one of its scope, so that the last counts.

        Only overrides of this scope matter: one of another scope must not delay it. No two may share one of `stamps`.
        """
        named = (self.known.get(scope), self._names.counting(self.known).get(scope))
        after = max([self._door.last_waiting(scope), *(override.made_at for override in named if override is not None)])
        moment = round(max(self._clock.wall(), after + 0.001), 3)
        while moment in stamps:  # each override needs its own id
            moment = round(moment + 0.001, 3)
        return moment

    def _echoes_of(self, signed: Signed) -> frozenset[Override]:
        return frozenset(
            override for override in signed if override.node == self._node and override not in self._signed
        )

    def _take(self, signed: Signed, *, echoes: AbstractSet[Override] = frozenset()) -> bool:
        after = joined(self._held, signed)
        if after is self._held:
            self._take_signatures(signed)
            return False
        self._warn_of_echoes(echoes & set(all_of(after)))
        self._echoes |= echoes
        self._settle(after, {**self._signed, **signed})
        return True

    def _warn_of_echoes(self, echoes: AbstractSet[Override]) -> None:
        if echoes:
            log.warning(
                "audit: overrides in the name of this node (%s) came from others: its state was lost, or another has "
                "its key; with a new key they do not count any more",
                self._node,
            )

    def _take_signatures(self, signed: Signed) -> None:
        """Keeps the text signed by the new key of its node for known overrides: the old key will not count any more."""
        known = {
            override: text
            for override, text in signed.items()
            if override in self._signed and override not in self._echoes
        }
        better = {
            override: text
            for override, text in known.items()
            if self._door.prefers(override, text, self._signed[override])
        }
        if better:
            self._settle(self._held, {**self._signed, **better})

    def _settle(self, held: OverridesByNode, signed: Signed) -> None:
        self._held, self.known = held, newest(held)
        self._names.forget({*self.known, *(override.scope for override in self._not_counting_yet())})
        self._signed = {override: signed[override] for override in all_of(held)}
        texts = tuple(self._signed[override] for override in self._ordered())
        carried = within_bounds(texts[:MAX_CARRIED])
        self._tell_left_out(len(texts) - len(carried))
        self._report_store.carry(carried)
        self._echoes &= self._signed.keys()
        echoes = frozenset(self._signed[echo] for echo in self._echoes)
        others = tuple(text for text in self._not_taken.signed if self._claimed(text) is not None)
        self.written = self._state.save_overrides_apart((*texts, *others), echoes=echoes | self._not_taken.echoes)

    def _ordered(self) -> Iterator[Override]:
        """Yields the overrides of this node, then those of other nodes in turn, so that none fills the report alone."""
        others = [own for node, own in sorted(self._held.items()) if node != self._node]
        ranked = [
            sorted(own.values(), key=lambda override: override.edition, reverse=True) for own in (self._own, *others)
        ]
        yield from ranked[0]
        for turn in zip_longest(*ranked[1:]):
            yield from (override for override in turn if override is not None)

    def _tell_left_out(self, count: int) -> None:
        if count and not self._left_out:
            log.warning("overrides: %d do not fit into this node's reports; who hears their nodes has them", count)
        self._left_out = count

    def _drop_old(self, wall: float) -> None:
        still = kept(self._held, wall=wall)
        if still is not self._held:
            self._settle(still, self._signed)

    def accept(self, peers: Mapping[NodeName, Keys], accepted: AbstractSet[NodeName] | None) -> None:
        """Sets whose overrides count from now on; those of other nodes stop counting, as after a restart.

        Overrides that still count do so without a gap, by the present names of their scopes.
        """
        echoes = frozenset(self._signed[echo] for echo in self._echoes)
        before = KeptOverrides(
            (*self._signed.values(), *self._not_taken.signed), echoes=echoes | self._not_taken.echoes
        )
        self._door.accept(peers, accepted)
        self._looked_at = {}
        self._load(before, counted=frozenset(self._told.by_scope.values()))

    def _load(self, kept_before: KeptOverrides, *, counted: AbstractSet[Override] | None = None) -> None:
        """Replaces all overrides by those kept before. `counted` were in force; None if that is not known."""
        overrides: dict[Override, str] = {}
        not_taken: list[str] = []
        for kept_text in kept_before.signed:
            try:
                override, text = self._door.reopened(kept_text, is_echo=kept_text in kept_before.echoes)
            except ReportInvalid as refused:
                self._tell_dropped(kept_text, str(refused), counted)
                not_taken += [kept_text] if refused.reason in MENDABLE else []
            else:
                overrides[override] = text
        # an echo stays an echo: else it would be signed again as an override of this node
        self._not_taken = KeptOverrides(tuple(not_taken), kept_before.echoes.intersection(not_taken))
        self._echoes = frozenset(loaded for loaded, text in overrides.items() if text in kept_before.echoes)
        self._warn_of_echoes(self._echoes)
        if overrides or self._held:
            self._settle(joined(NOTHING_HELD, overrides), overrides)

    def _not_counting_yet(self) -> Iterator[Override]:
        """Yields the overrides that may count later; renames of their scopes are followed meanwhile, too."""
        claimed = (self._claimed(text) for text in self._not_taken.signed)
        yield from (override for override in claimed if override is not None)
        yield from self._door.waiting

    def _claimed(self, text: str) -> Override | None:
        """Returns the override of a text whose signer is not accepted; None if it is invalid or too old to matter."""
        try:
            override = claimed_override(text)
        except ReportInvalid:
            return None
        return override if self._clock.wall() < override.made_at + KEPT_S else None

    def _tell_dropped(self, text: str, reason: str, counted: AbstractSet[Override] | None) -> None:
        override = self._claimed(text)
        if override is None:
            return  # an invalid text was logged already
        if override.is_in_force(self._clock.wall()) and (counted is None or override in counted):
            self._teller.refuse(override, reason)
