r"""The present names of the scopes of overrides: an override keeps its signed name, and follows renames.

    the zones change -> prepare: both names count -> the new plan serves -> commit: the new name alone
                                                  \-> no plan can be made of them -> abandon: the old one alone

Each node follows the renames in its own zone files (gtm/plan/renamed_scopes.py) when they come. So nodes that get new
zone files one after the other all drain the same endpoints meanwhile. What comes in: layouts of zones, and overrides.
What goes out: the scopes that each override counts for. The names are kept on disk, because a start has only the new
zone files.
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
"""The most scopes in a file: far more than overrides can be in force."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """The present names of one scope."""

    to: tuple[Scope, ...]
    back_at: float = math.inf
    """The Unix time at which the old name came back for something else: newer overrides count for that alone."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An override that counts for other scopes than before a rename."""

    override: Override
    before: tuple[Scope, ...]
    after: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class KeptNames:
    """The content of `override-names.json`."""

    renamed: Mapping[Scope, Renamed]
    gone: Mapping[Scope, float]
    """By scope, the Unix time since which no endpoint that is served here is in it."""


NO_NAMES = KeptNames({}, {})


class OverrideNames:
    """Finds the present names of scopes. Its state: the renames so far, and those of the coming plan."""

    def __init__(self, kept: Mapping[Scope, Renamed]) -> None:
        self.renamed: Mapping[Scope, Renamed] = dict(kept)
        self._coming: tuple[Layout, Layout] | None = None
        self._answers: dict[Scope, tuple[Scope, ...]] = {}

    def of(self, override: Override) -> tuple[Scope, ...]:
        """Returns the scopes that an override counts for now: those it was renamed to, else its own."""
        renamed = self.renamed.get(override.scope)
        return (override.scope,) if renamed is None or override.made_at > renamed.back_at else renamed.to

    def counting(self, known: Overrides) -> Overrides:
        """Returns the newest override of each scope, by the present names; includes overrides that have ended."""
        if not self.renamed:
            return known
        return _newest((scope, override) for override in known.values() for scope in self.of(override))

    def with_coming(self, counting: Overrides) -> Overrides:
        """Returns the overrides of `counting`, also by the names that their scopes have in the coming plan."""
        if self._coming is None:
            return counting
        more = ((name, override) for scope, override in counting.items() for name in self._will_be(scope))
        return _newest([*counting.items(), *more])

    def prepare(self, before: Layout, after: Layout) -> None:
        """Makes overrides count by the names of the coming zones too, until `commit` or `abandon`."""
        self._coming, self._answers = (before, after), {}

    def abandon(self) -> None:
        """Drops the names of the coming zones."""
        self._coming, self._answers = None, {}

    def commit(self, known: Iterable[Override], *, wall: float) -> tuple[Moved, ...]:
        """Makes overrides count by the new names alone; returns the overrides whose scopes changed.

        `known` are all known overrides, `wall` is the Unix time in seconds.
        """
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
        """Returns the scopes that cover nothing in the coming zones, and of which no new name is known."""
        if self._coming is None:
            return frozenset()
        before, _ = self._coming
        return frozenset(scope for scope in scopes if before.has(scope) and not self._will_be(scope))

    def forget(self, known: AbstractSet[Scope]) -> None:
        """Removes the names of all scopes that are not in `known`: no override of them is known any more."""
        if any(scope not in known for scope in self.renamed):
            self.renamed = {scope: pair for scope, pair in self.renamed.items() if scope in known}

    def _will_be(self, scope: Scope) -> tuple[Scope, ...]:
        """Returns the names of a scope in the coming zones; empty when it covers nothing there."""
        assert self._coming is not None
        if scope not in self._answers:
            self._answers[scope] = followed(scope, *self._coming)
        return self._answers[scope]


def _is_back(scope: Scope, renamed: Renamed, after: Layout) -> bool:
    """Returns whether the old name of a renamed scope is used again in a layout, for the first time."""
    return renamed.back_at == math.inf and scope not in renamed.to and after.has(scope)


def _newest(named: Iterable[tuple[Scope, Override]]) -> Overrides:
    """Returns the override of each scope that outranks the others of it."""
    by_scope: dict[Scope, Override] = {}
    for scope, override in named:
        if scope not in by_scope or override.outranks(by_scope[scope]):
            by_scope[scope] = override
    return by_scope


def moved_line(moved: Moved) -> str:
    """Returns the line for people that says to which names an override moved."""
    names = ", ".join(map(str, moved.after))
    override = moved.override
    what = f"{override.action.value} {override.scope} by {override.by}"
    return f"override {override.id}: {what} follows the rename, to {names}"


def lost_line(scope: Scope, override: Override) -> str:
    """Returns the line for people that warns that an override covers nothing any more."""
    return (
        f"warning: override {override.id}: {override.action.value} {scope} by {override.by} is without effect: "
        f"nothing that is served here is in it any more, and no other name of it is known; "
        f"say it anew, and gtm clear {override.id}"
    )


def compose_names(kept: KeptNames) -> str:
    """Returns the text of `override-names.json`."""
    renamed = {
        str(scope): {"to": list(map(str, pair.to)), "back_at": None if pair.back_at == math.inf else pair.back_at}
        for scope, pair in kept.renamed.items()
    }
    gone = {str(scope): since for scope, since in kept.gone.items()}
    return json.dumps({"version": 1, "renamed": renamed, "gone": gone}, indent=1)


def parse_names(text: str) -> KeptNames:
    """Returns the names in the text of `override-names.json`; raises StateInvalid when it is damaged."""
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
    """Returns a finite number unchanged; raises ValueError for any other."""
    if not math.isfinite(value):
        raise ValueError("is no time")
    return value


_Time = Annotated[float, Field(ge=0, le=1e12), AfterValidator(_finite)]


class _Renamed(Wire):
    """The JSON of the present names of one scope."""

    to: Annotated[list[ScopeText], Field(min_length=1, max_length=MAX_RENAMED)]
    back_at: _Time | None = None


class _Names(Wire):
    """The JSON of `override-names.json`."""

    version: Literal[1]
    renamed: Annotated[dict[ScopeText, _Renamed], Field(max_length=MAX_RENAMED)]
    gone: Annotated[dict[ScopeText, _Time], Field(max_length=MAX_RENAMED)]
