"""The saved status: the last beliefs as text, so that a restarted node keeps them until it hears voices.

Also, for files of their own: the last report heard of each node; the positions of the known vantages; and the first
claim under each key (gtm/health/report/claims.py).

What comes in: a status, or the text of its file. What goes out: text, or a status whose checks are all frozen: the
beliefs and their times, without the votes. It reads and writes no file: gtm/node does.
"""

import json
from typing import Annotated

from pydantic import Field

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import Vantage, Vantages
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.report.book import LastHeard, LastReport
from gtm.health.report.claims import Claim, ClaimsByKey
from gtm.health.report.report import Edition
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.saved_model import NameText, Position, Wire, parse_kept
from gtm.ids import CheckId, NodeName, VantageName


def compose_saved(status: Status) -> str:
    """Returns the beliefs of a status as JSON text, sorted by check: the same status gives the same text."""
    checks = {
        check: {
            "belief": pair.belief.value,
            "since": pair.since,
            "reason": pair.reason.value,
            "detail": pair.detail,
        }
        for check, pair in sorted(status.checks.items())
    }
    return json.dumps({"version": 1, "checks": checks}, indent=1) + "\n"


def parse_saved(text: str) -> Status:
    """Returns the status of a saved text, with all checks frozen. Raises StateInvalid when the text is invalid."""
    saved = parse_kept(_Saved, text, what="status")
    return Status(
        {
            CheckId(check): CheckStatus(pair.belief, pair.since, pair.reason, pair.detail, frozen=True)
            for check, pair in saved.checks.items()
        }
    )


def compose_last_heard(last: LastHeard) -> str:
    """Returns the edition and time of the last report heard of each node, as JSON text."""
    nodes = {node: [*pair.edition, pair.made_at] for node, pair in sorted(last.items())}
    return json.dumps({"version": 1, "nodes": nodes}, indent=1) + "\n"


def parse_last_heard(text: str) -> LastHeard:
    """Returns the edition and time of the last report heard of each node. Raises StateInvalid for an invalid text."""
    saved = parse_kept(_SavedLast, text, what="reports")
    return {
        NodeName(node): LastReport(Edition(epoch, serial), made_at)
        for node, (epoch, serial, made_at) in saved.nodes.items()
    }


def compose_vantages(vantages: Vantages) -> str:
    """Returns the positions of the vantages as JSON text."""
    return (
        json.dumps({"version": 1, "vantages": {vantage.name: list(vantage.at) for vantage in vantages}}, indent=1)
        + "\n"
    )


def parse_vantages(text: str) -> Vantages:
    """Returns the vantages of a saved text, sorted by name. Raises StateInvalid when the text is invalid."""
    saved = parse_kept(_SavedVantages, text, what="vantages")
    return tuple(Vantage(VantageName(name), Coordinates(*at)) for name, at in sorted(saved.vantages.items()))


def compose_claims(held: ClaimsByKey) -> str:
    """Returns the first claim under each key as JSON text."""
    claims = {
        key: {"vantage": pair.vantage, "at": None if pair.at is None else list(pair.at)}
        for key, pair in sorted(held.items())
    }
    return json.dumps({"version": 1, "claims": claims}, indent=1) + "\n"


def parse_claims(text: str) -> ClaimsByKey:
    """Returns the first claim under each key from a saved text. Raises StateInvalid when the text is invalid."""
    saved = parse_kept(_SavedClaims, text, what="claims")
    return {
        key: Claim(VantageName(pair.vantage), None if pair.at is None else Coordinates(*pair.at))
        for key, pair in saved.claims.items()
    }


_Count = Annotated[int, Field(ge=0)]


class _SavedLast(Wire):
    version: Annotated[int, Field(ge=1, le=1)]
    nodes: dict[NameText, tuple[_Count, _Count, Annotated[float, Field(allow_inf_nan=False)]]]


class _SavedVantages(Wire):
    version: Annotated[int, Field(ge=1, le=1)]
    vantages: dict[NameText, Position]


class _SavedClaim(Wire):
    vantage: NameText
    at: Position | None


class _SavedClaims(Wire):
    version: Annotated[int, Field(ge=1, le=1)]
    claims: dict[str, _SavedClaim]


class _SavedCheck(Wire):
    belief: Belief
    since: Annotated[float, Field(allow_inf_nan=False)]
    reason: Reason
    detail: str


class _Saved(Wire):
    version: Annotated[int, Field(ge=1, le=1)]
    checks: dict[str, _SavedCheck]
