"""Wrong keys: which peers sign with another key than `share.peers` lists for them, and so are not believed.

What comes in: each refusal, with who gave the report, and whose report was taken. What goes out: who signs with which
key instead of which. A stranger's key proves nothing: whoever gave the report may have made it. So it is told who gave
it, and nobody is blamed of whom a report was taken a moment ago.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gtm.errors import ReportInvalid
from gtm.ids import NodeName

STRANGER, FORGED = "unknown_reporter", "forged"

BELIEVED_S = 60.0
"""So long after a report of a node was taken its listed key is right, whatever others give in its name."""

SHOWN_S = 600.0
"""So long after the last such report a key is shown as wrong, unless one with the right key comes before."""

SHORT = len("ed25519:") + 8
"""Characters of a key that people compare."""

Listed = Mapping[NodeName, Sequence[str]]
"""Of each peer the text of its keys."""


@dataclass(frozen=True, slots=True)
class WrongKey:
    """One peer, with the key that it signs with and the key that is listed for it."""

    node: NodeName
    giver: NodeName
    """Who gave the report: most often the peer itself."""
    key: str
    listed: str
    whose: str
    """The other peer that the key is listed for; empty for none."""
    seen_at: float
    """Monotonic seconds, when the last such report came."""

    def __str__(self) -> str:
        by = "" if self.giver == self.node else f", as {self.giver} gives its reports"
        whose = f" (that is listed for {self.whose})" if self.whose else ""
        return (
            f"peer {self.node} signs with the key {short(self.key)}{whose}{by}, and share.peers lists "
            f"{short(self.listed)} for it: nothing that it says is believed; list the key that it has"
        )


class WrongKeys:
    """Records peers that sign with a wrong key. It has state: these keys, and when reports were accepted last."""

    def __init__(self, own: NodeName, listed: Callable[[], Listed]) -> None:
        self._own = own
        self._listed = listed
        self._taken_at: dict[NodeName, float] = {}
        self._wrong: dict[NodeName, WrongKey] = {}

    def current(self, now: float) -> tuple[WrongKey, ...]:
        """Returns the keys that are wrong now, sorted by their peer."""
        listed = self._listed()
        recent = [pair for _, pair in sorted(self._wrong.items()) if now - pair.seen_at < SHOWN_S]
        return tuple(pair for pair in recent if pair.key not in listed.get(pair.node, (pair.key,)))

    def refuse(self, refused: ReportInvalid, giver: NodeName, *, now: float) -> WrongKey | None:
        """Records a refusal; returns the wrong key of a peer that it shows, or None."""
        node = NodeName(refused.node)
        listed = self._listed()
        if node == self._own or node not in listed or not refused.key or refused.key in listed[node]:
            return None
        # a stranger's signature is not looked at, so whoever gives it may have made it; of a listed key only the peer
        is_telling = refused.reason == STRANGER or (refused.reason == FORGED and giver == node)
        if not is_telling or self.is_believed(node, now=now):
            return None
        whose = next((other for other, keys in sorted(listed.items()) if refused.key in keys), "")
        self._wrong[node] = WrongKey(node, giver, refused.key, listed[node][0], whose, now)
        return self._wrong[node]

    def is_believed(self, node: NodeName, *, now: float) -> bool:
        """Returns whether a report of a node was accepted within the last BELIEVED_S seconds."""
        return now - self._taken_at.get(node, float("-inf")) < BELIEVED_S

    def is_known(self, node: NodeName, *, now: float) -> bool:
        """Returns whether a wrong key of this peer is recorded and still shown."""
        known = self._wrong.get(node)
        return known is not None and now - known.seen_at < SHOWN_S

    def take(self, node: NodeName, *, now: float) -> bool:
        """Records that a report of a peer was accepted; returns whether a wrong key was recorded before."""
        self._taken_at[node] = now
        return self._wrong.pop(node, None) is not None

    def distrust(self, node: NodeName) -> None:
        """Forgets that a report of a node was taken: the key that signed it is not listed any more."""
        self._taken_at.pop(node, None)


def short(key: str) -> str:
    """Returns as much of a key as people compare: `ed25519:gKbnQpe8..`."""
    return key if len(key) <= SHORT else f"{key[:SHORT]}.."
