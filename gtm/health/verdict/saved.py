"""What a probe remembers of its verdicts over a restart, so that a failback delay and damping do not end with one.

What comes in: verdicts, or the text of the file. What goes out: text, or the verdicts that the next run begins with:

    was        with a penalty   begins as
    down       whatever         down, since when it was: `rise` good readings, damped as before, and the delay
    up         yes              unknown, with the penalty: what fell while nobody looked must not be said to be up
    up         no               unknown, as what was never read
    unknown    whatever         the same

None of them is a vote before its first reading. How long ago it was is told by the clock on the wall, which both runs
have; if that went back, it was just now. It touches no file: gtm/node does.
"""

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from gtm.health.belief import Belief
from gtm.health.verdict.saved_model import Wire, parse_kept
from gtm.health.verdict.verdict import MAX_PENALTY, Verdict
from gtm.ids import CheckId

MIN_PENALTY = 0.01
"""The smallest penalty that is saved: one flip after more than an hour; less has no effect."""


def is_memorable(verdict: Verdict, *, now: float) -> bool:
    """Returns whether a verdict must be saved: it is down, or up with a penalty of at least MIN_PENALTY."""
    return verdict.belief is Belief.DOWN or (verdict.belief is Belief.UP and verdict.penalty_at(now) >= MIN_PENALTY)


def compose_verdicts(verdicts: Mapping[CheckId, Verdict], *, now: float) -> str:
    """Returns the verdicts that must be saved as JSON text, with their beliefs, times and penalties."""
    remembered = {
        check: {"belief": verdict.belief.value, "since": verdict.since, "penalty": verdict.penalty}
        for check, verdict in sorted(verdicts.items())
        if is_memorable(verdict, now=now)
    }
    return json.dumps({"version": 1, "verdicts": remembered}, indent=1) + "\n"


def parse_verdicts(text: str, *, now: float, wall: float) -> Mapping[CheckId, Verdict]:
    """Returns the verdicts that a restarted probe begins with, from a saved text; raises StateInvalid if it is invalid.

    `now` is in monotonic seconds, `wall` in Unix seconds.
    """
    saved = parse_kept(_Saved, text, what="verdicts")
    return {CheckId(check): _restored(pair, now=now, wall=wall) for check, pair in saved.verdicts.items()}


class _SavedVerdict(Wire):
    belief: Belief
    since: Annotated[float, Field(allow_inf_nan=False)]
    penalty: Annotated[float, Field(ge=0, le=MAX_PENALTY)]


class _Saved(Wire):
    version: Annotated[int, Field(ge=1, le=1)]
    verdicts: dict[str, _SavedVerdict]


def _restored(verdict: _SavedVerdict, *, now: float, wall: float) -> Verdict:
    changed_at = now - max(0.0, wall - verdict.since)
    if verdict.belief is Belief.DOWN:
        return Verdict(Belief.DOWN, since=verdict.since, changed_at=changed_at, penalty=verdict.penalty)
    return Verdict(changed_at=changed_at, penalty=verdict.penalty)
