r"""What the scopes of overrides are called now: an override keeps the name that was signed, and follows renames.

    the zones change -> prepare: both names count -> the new plan serves -> commit: the new name alone
                                                  \-> no plan can be made of them -> abandon: the old one alone

Each node follows what its own zone files do (gtm/plan/renamed_scopes.py), when they do it; so nodes that are changed
one after the other all drain the same endpoints meanwhile. What comes in: layouts of zones, and overrides. What goes
out: the scopes that each counts for. It is kept on disk by its text, for a start has the new files alone.
"""

import json
import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from gtm.errors import StateInvalid
from gtm.health.override.override import Override, Overrides
from gtm.health.override.scope import Scope, parse_scope
from gtm.health.override.signed import ScopeText
from gtm.health.verdict.saved_model import Wire
from gtm.plan.renamed_scopes import Layout, followed

MAX_RENAMED = 10_000
"""Far more than overrides can be in force."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """What one scope is called now."""

    to: tuple[Scope, ...]
    back_at: float = math.inf
    """The wall time at which something else got the old name: what is said of it since then is not said of this."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An override that counts for other scopes than before."""

    override: Override
    before: tuple[Scope, ...]
    after: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class KeptNames:
    """What is on disk."""

    renamed: Mapping[Scope, Renamed]
    gone: Mapping[Scope, float]
    """Since which wall time nothing that is served here is in a scope."""


NO_NAMES = KeptNames({}, {})


class OverrideNames:
    """What scopes are called. It has state: the renames so far, and those that a plan in the making brings."""

    def __init__(self, kept: Mapping[Scope, Renamed]) -> None:
        self.renamed: Mapping[Scope, Renamed] = dict(kept)
        self._coming: tuple[Layout, Layout] | None = None
        self._answers: dict[Scope, tuple[Scope, ...]] = {}

    def of(self, override: Override) -> tuple[Scope, ...]:
        """Returns the scopes that an override counts for."""
        renamed = self.renamed.get(override.scope)
        return (override.scope,) if renamed is None or override.made_at > renamed.back_at else renamed.to

    def counting(self, known: Overrides) -> Overrides:
        """Returns the newest override of each scope, ended ones too, by what it is called now."""
        if not self.renamed:
            return known
        return _newest((scope, override) for override in known.values() for scope in self.of(override))

    def with_coming(self, counting: Overrides) -> Overrides:
        """Returns the same, also by what each will be called once the plan in the making serves."""
        if self._coming is None:
            return counting
        more = ((name, override) for scope, override in counting.items() for name in self._will_be(scope))
        return _newest([*counting.items(), *more])

    def prepare(self, before: Layout, after: Layout) -> None:
        """Has names count that zones will have, beside those that they have."""
        self._coming, self._answers = (before, after), {}

    def abandon(self) -> None:
        """Forgets the names that zones would have had."""
        self._coming, self._answers = None, {}

    def commit(self, known: Iterable[Override], *, wall: float) -> tuple[Moved, ...]:
        """Has the names count that zones have now; returns which of these overrides moved."""
        if self._coming is None:
            return ()
        moved, renamed = [], dict(self.renamed)
        for override in known:
            was = self.of(override)
            now = tuple(dict.fromkeys(name for scope in was for name in self._will_be(scope) or (scope,)))
            if now == was:
                continue
            moved.append(Moved(override, was, now))
            renamed[override.scope] = Renamed(now)
            if now == (override.scope,):
                del renamed[override.scope]
        after = self._coming[1]
        self.renamed = {
            scope: Renamed(override.to, wall) if _is_back(scope, override, after) else override
            for scope, override in renamed.items()
        }
        self.abandon()
        return tuple(moved)

    def lost(self, scopes: Iterable[Scope]) -> frozenset[Scope]:
        """Returns those of which the zones in the making have nothing, and no other name is known."""
        if self._coming is None:
            return frozenset()
        before, _ = self._coming
        return frozenset(scope for scope in scopes if before.has(scope) and not self._will_be(scope))

    def forget(self, known: AbstractSet[Scope]) -> None:
        """Forgets the names of scopes of which nothing is known any more."""
        if any(scope not in known for scope in self.renamed):
            self.renamed = {scope: pair for scope, pair in self.renamed.items() if scope in known}

    def _will_be(self, scope: Scope) -> tuple[Scope, ...]:
        assert self._coming is not None
        if scope not in self._answers:
            self._answers[scope] = followed(scope, *self._coming)
        return self._answers[scope]


def _is_back(scope: Scope, renamed: Renamed, after: Layout) -> bool:
    return renamed.back_at == math.inf and scope not in renamed.to and after.has(scope)


def _newest(named: Iterable[tuple[Scope, Override]]) -> Overrides:
    by_scope: dict[Scope, Override] = {}
    for scope, override in named:
        if scope not in by_scope or override.outranks(by_scope[scope]):
            by_scope[scope] = override
    return by_scope


def moved_line(moved: Moved) -> str:
    """Returns the sentence about an override that moved, for people."""
    names = ", ".join(map(str, moved.after))
    override = moved.override
    what = f"{override.action.value} {override.scope} by {override.by}"
    return f"override {override.id}: {what} follows the rename, to {names}"


def lost_line(scope: Scope, override: Override) -> str:
    """Returns that an override covers nothing any more, for people."""
    return (
        f"warning: override {override.id}: {override.action.value} {scope} by {override.by} is without effect: "
        f"nothing that is served here is in it any more, and no other name of it is known; "
        f"say it anew, and gtm clear {override.id}"
    )


def compose_names(kept: KeptNames) -> str:
    """Returns the text that is kept on disk."""
    renamed = {
        str(scope): {"to": list(map(str, pair.to)), "back_at": None if pair.back_at == math.inf else pair.back_at}
        for scope, pair in kept.renamed.items()
    }
    gone = {str(scope): since for scope, since in kept.gone.items()}
    return json.dumps({"version": 1, "renamed": renamed, "gone": gone}, indent=1)


def parse_names(text: str) -> KeptNames:
    """Returns the names in a text; raises StateInvalid."""
    try:
        read = _Names.model_validate_json(text)
    except ValidationError as error:
        raise StateInvalid("is damaged") from error
    renamed = {
        parse_scope(scope): Renamed(
            tuple(map(parse_scope, pair.to)), math.inf if pair.back_at is None else pair.back_at
        )
        for scope, pair in read.renamed.items()
    }
    return KeptNames(renamed, {parse_scope(scope): since for scope, since in read.gone.items()})


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("is no time")
    return value


_Time = Annotated[float, Field(ge=0, le=1e12), AfterValidator(_finite)]


class _Renamed(Wire):
    to: Annotated[list[ScopeText], Field(min_length=1, max_length=MAX_RENAMED)]
    back_at: _Time | None = None


class _Names(Wire):
    version: Literal[1]
    renamed: Annotated[dict[ScopeText, _Renamed], Field(max_length=MAX_RENAMED)]
    gone: Annotated[dict[ScopeText, _Time], Field(max_length=MAX_RENAMED)]
