"""Claims: which vantage the reports under a key may speak for, and where that is.

What comes in: what the node file lists (`share.peers`, and this node itself), and reports as they are heard. What goes
out: each report as it counts, or ReportInvalid("vantage"). A probe that spoke for another's vantage could contradict it
there, and the voice of that vantage would be lost; one that moved a vantage would be believed by clients far from it.

    1. A peer whose vantage is listed speaks for that one, and its reports must say so.
    2. Any other peer speaks for the vantage that its key claimed first, which is kept on disk, and which must not be
       listed for another peer, or this node's own, or the name of another peer (the default of its vantage), or claimed
       before under another key. So several probes share a vantage only where it is listed.
    3. A vantage is where the node file says, else where its first report said. Who claims to be more than SAME_PLACE_KM
       from there is refused; who is nearer, or says nothing, is there.
    4. A report without votes claims nothing, and a peer that checks nothing (`probe: false`) has no votes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates, distance_km
from gtm.health.report.report import Report
from gtm.health.report.signature import Keys, each_key
from gtm.ids import NodeName, VantageName

SAME_PLACE_KM = 500.0
"""The probes of one vantage may be in several cities of one country; clients of the next vantage are farther away."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The vantage and position that the node file lists for one node."""

    vantage: VantageName | None = None
    at: Coordinates | None = None
    probes: bool = True
    """Whether it checks anything, and so has a vantage."""


NOT_LISTED = Listed()


@dataclass(frozen=True, slots=True)
class Claim:
    """The first vantage and position in the reports signed with one key."""

    vantage: VantageName
    at: Coordinates | None = None


ClaimsByKey = Mapping[str, Claim]
"""By the text of the key."""


class Claims:
    """Refuses reports of a peer for another vantage than its own. It has state: the first claim under each key."""

    def __init__(
        self, own: NodeName, listed: Mapping[NodeName, Listed], keys: Mapping[NodeName, Keys], held: ClaimsByKey | None
    ) -> None:
        """Makes the claims of a node; `listed` has this node, and the peers that the node file says anything of.

        `held` has the saved first claims by key; None: there are none.
        """
        self._own = own
        self._listed = listed
        self._keys = {node: tuple(map(str, each_key(own_keys))) for node, own_keys in keys.items()}
        self._names = {key: node for node, own_keys in self._keys.items() for key in own_keys}
        peers = [node for node in keys if node != own and self._of(node).probes]
        self.unlisted = tuple(sorted(node for node in peers if self._of(node).vantage is None))
        """The peers for which nobody lists a vantage."""
        self._held: dict[str, Claim] = {}
        for key, claim in (held or {}).items():
            node = self._names.get(key)
            if node is not None and not self._reason_against(node, claim.vantage):
                self._held[key] = claim
        self.on_held: Callable[[ClaimsByKey], None] = _ignore
        """Called with all that is held, when a key has claimed something first."""

    @property
    def held(self) -> ClaimsByKey:
        """Returns the first claim under each key."""
        return dict(self._held)

    def accept(self, report: Report) -> Report:
        """Returns a report with the votes and position that count. Raises ReportInvalid for another's vantage."""
        if not self._of(report.node).probes or not report.votes:
            return replace(report, votes={}, at=None)
        reason = self._reason_against(report.node, report.vantage)
        if reason:
            raise ReportInvalid("vantage", f"{report.node} speaks for the vantage {report.vantage}; {reason}")
        listed = self._listed_place(report.vantage)
        place = listed or self._held_place(report.vantage)
        if place is not None and report.at is not None and distance_km(place, report.at) > SAME_PLACE_KM:
            whose = "as listed" if listed else "as was said first, and share.peers lists no place for it"
            message = (
                f"{report.node} claims to be at {_shown(report.at)}; {report.vantage} is at {_shown(place)}, {whose}"
            )
            raise ReportInvalid("vantage", message)
        if listed is None or self._of(report.node).vantage is None:
            self._hold(report.node, Claim(report.vantage, place or report.at))
        return report if place in (None, report.at) else replace(report, at=place)

    def _reason_against(self, node: NodeName, vantage: VantageName) -> str:
        """Returns the reason why a node may not report for a vantage; empty if it may."""
        listed = self._of(node).vantage
        if listed is not None:
            return "" if vantage == listed else f"share.peers lists {listed} for it"
        for other, claimed in self._listed.items():
            if other != node and claimed.probes and claimed.vantage == vantage:
                return "that is this node's own" if other == self._own else f"share.peers lists that for {other}"
        if str(vantage) != str(node) and NodeName(vantage) in self.unlisted:
            return "that is the name of another peer"
        # of two keys of a rotation each speaks for what the other claimed
        mine = next((self._held[key] for key in self._keys.get(node, ()) if key in self._held), None)
        if mine is not None:
            return "" if mine.vantage == vantage else f"it was {mine.vantage} before, and share.peers lists none for it"
        holders = [self._names[other] for other, claim in self._held.items() if claim.vantage == vantage]
        return f"{holders[0]} did so before, and share.peers lists that for neither" if holders else ""

    def _listed_place(self, vantage: VantageName) -> Coordinates | None:
        listed = (claimed for claimed in self._listed.values() if claimed.probes and claimed.vantage == vantage)
        return next((claimed.at for claimed in listed if claimed.at is not None), None)

    def _held_place(self, vantage: VantageName) -> Coordinates | None:
        held = (claim for claim in self._held.values() if claim.vantage == vantage)
        return next((claim.at for claim in held if claim.at is not None), None)

    def _hold(self, node: NodeName, claim: Claim) -> None:
        held = {**self._held, **dict.fromkeys(self._keys.get(node, ()), claim)}
        if held != self._held:
            self._held = held
            self.on_held(dict(held))

    def _of(self, node: NodeName) -> Listed:
        return self._listed.get(node, NOT_LISTED)


def _shown(at: Coordinates) -> str:
    return f"{at.latitude:.2f},{at.longitude:.2f}"


def _ignore(_held: ClaimsByKey) -> None: ...
