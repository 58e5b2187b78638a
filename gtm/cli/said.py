"""The lines that `gtm drain` and similar commands print about the effect of an override.

    region gtm.example.com/eu-west: drain until 2026-11-29 18:20:00Z (ns1:1795976400000)
      takes out 3 endpoints of api.gtm.example.com in eu-west: 192.0.2.20, 192.0.2.21, 192.0.2.22
      keeps out 1 endpoint of api.gtm.example.com in eu-west: 192.0.2.23; down already by its checks
      not 192.0.2.24 of api.gtm.example.com in eu-west: obeyed until 18:10Z by ann (..; clear it: gtm clear ns1:1..)

In come views of the admin API, out go lines. Of many endpoints some are named, and the rest is counted; of many
services each zone's are:

      takes out 24 endpoints of 12 services of gtm.example.com in eu-west
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gtm.admin.typed_time import shown
from gtm.cli.console import counted

if TYPE_CHECKING:
    from gtm.admin.override_view import OverrideView, SaidView, TouchedView

MAX_TARGETS = 10
"""The most endpoints that one line names."""
MAX_GROUPS = 10
"""The most lines of one kind."""

WITHOUT = frozenset({"not", "not again for"})
TAKING = frozenset({"down", "drain"})
BROUGHT_BACK = "brought_back"
"""Why.BACK (gtm/plan/override_effects.py)."""
_COUNTS = {
    "down": "takes out",
    "drain": "takes out",
    "up": "believes up",
    "obey": "the checks count for",
    "clear": "the checks count again for",
}


def note_of(override: "OverrideView") -> str:
    """Returns a note about a scope that was renamed or is gone since the override was set; empty for any other."""
    notes = [f"counts for {', '.join(override.now)} now"] if override.now else []
    if override.gone_since is not None:
        since = f" since {shown(override.gone_since)}" if override.gone_since else ""
        notes.append(f"its scope is gone{since}: nothing served here is in it")
    return "; ".join(notes)


def said_lines(answer: "SaidView") -> Iterator[str]:
    """Yields the lines about an override that was just set or cleared, and about its effect."""
    if answer.action == "clear":
        yield from (
            f"{entry.scope}: {entry.action} by {entry.by} is cleared: {entry.why} ({entry.id})"
            for entry in answer.ended
        )
    else:
        yield f"{answer.scope}: {answer.action} until {shown(answer.until)} ({answer.id})"
        for entry in answer.ended:
            yield f"  in the place of {entry.action} until {shown(entry.until)} by {entry.by} ({entry.id})"
    effect = answer.effect
    is_back = any(entry.why == BROUGHT_BACK for entry in effect.without)
    if not effect.counts and answer.action in TAKING:
        yield "  takes nothing out: it brings back what was out" if is_back else "  takes nothing more out now"
    yield from _lines(_COUNTS[answer.action], effect.counts, effect.totals[0])
    yield from _lines("keeps out", effect.keeps_out, effect.totals[1])
    yield from _lines("not again for" if answer.action == "clear" else "not", effect.without, effect.totals[2])
    if answer.action == "obey":
        yield f"  what is said of a wider scope does not count there until then; gtm clear {answer.id} ends that"


def _lines(verb: str, some: "Sequence[TouchedView]", total: int) -> Iterator[str]:
    """Yields a line for each service, region and reason; for each zone, region and reason where there are many.

    `verb` is the effect, such as `takes out`; `total` is the number of all endpoints, of which `some` may be a part.
    """
    lines = [_line(verb, group) for group in _grouped(some, lambda touched: touched.service)]
    if len(lines) > MAX_GROUPS:
        lines = [_line_of_zone(verb, group) for group in _grouped(some, lambda touched: touched.zone)]
    for line, _ in lines[:MAX_GROUPS]:
        yield line
    rest = total - sum(size for _, size in lines[:MAX_GROUPS])
    if rest > 0:
        yield f"  {verb} {counted(rest, 'endpoint')} more"


def _grouped(some: "Sequence[TouchedView]", of: "Callable[[TouchedView], str]") -> "Iterable[Sequence[TouchedView]]":
    groups: dict[tuple[str, str, str], list[TouchedView]] = {}
    for touched in some:
        groups.setdefault((of(touched), touched.region, touched.words), []).append(touched)
    return groups.values()


def _line(verb: str, touched: "Sequence[TouchedView]") -> tuple[str, int]:
    """Returns the line about endpoints of one service, and their number."""
    first = touched[0]
    many = "" if verb in WITHOUT else f"{counted(len(touched), 'endpoint')} of {first.service} in {first.region}: "
    where = f" of {first.service} in {first.region}" if verb in WITHOUT else ""
    return f"  {verb} {many}{_targets(touched)}{where}{_because(first.words, verb)}", len(touched)


def _line_of_zone(verb: str, touched: "Sequence[TouchedView]") -> tuple[str, int]:
    """Returns the line about endpoints of one zone, and their number."""
    first, services = touched[0], counted(len({each_touched.service for each_touched in touched}), "service")
    zone = f" of {first.zone}" if first.zone else ""  # a node of the version before does not tell it
    message = f"{counted(len(touched), 'endpoint')} of {services}{zone} in {first.region}"
    return f"  {verb} {message}{_because(first.words, verb)}", len(touched)


def _because(message: str, verb: str) -> str:
    return (f": {message}" if verb in WITHOUT else f"; {message}") if message else ""


def _targets(touched: "Sequence[TouchedView]") -> str:
    targets = [each_touched.endpoint.partition("/")[2] for each_touched in touched]
    more = f" and {len(targets) - MAX_TARGETS} more" if len(targets) > MAX_TARGETS else ""
    return f"{', '.join(targets[:MAX_TARGETS])}{more}"
