"""What of a node file that changed a running node takes, and what waits for a restart.

    node file, read again -> compare with what runs -> taken, by key; or named: it needs a restart

Every field of NodeConfig is in one of two tables, by what people write for it. What a restart takes is what others know
the node by, what is opened once (sockets, folders, the engine), and what is loaded before the first answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace

from gtm.node.config.log_options import LogChoice
from gtm.node.config.model import NodeConfig
from gtm.share.addresses import Peer

TAKEN: Mapping[str, str] = {
    "peers": "share.peers",
    "listed": "share.peers",
    "overrides_from": "overrides.accept_from",
    "hosts": "listen.hosts",
    "is_plain_accepted": "listen.plain",
    "is_unready_when_blind": "listen.readyz",
    "credentials": "overrides.tokens, overrides.certificates",
    "permits": "probe",
    "settle_s": "watch.settle",
    "most_lost": "watch.most_lost",
    "quorum": "quorum",
    "log": "log",
}
"""Fields that a running node takes, by the keys of the node file."""

RESTARTED: Mapping[str, str] = {
    "node": "node",
    "vantage": "vantage",
    "dns": "listen.dns",
    "admin": "listen.admin",
    "health": "listen.health",
    "zones": "zones",
    "state": "state",
    "geo": "geo",
    "at": "at",
    "roles": "roles",
    "engine": "engine",
    "threads": "threads",
    "tcp": "listen.tcp",
    "key": "share.key",
    "share": "share.mode, share.srv, share.etcd, share.tls",
    "admin_tls": "listen.tls",
    "otlp": "telemetry.otlp",
}
"""Fields that wait for a restart."""

FROM_OR_TO_NONE = frozenset({"peers", "listed", "overrides_from", "quorum"})
"""What waits for a restart, too, where a node gets its first peers, or has no more: others of its parts run then."""


@dataclass(frozen=True, slots=True)
class NodeFileReread:
    """How the node file is read again, with the options of the command line; and how the log is set anew."""

    read: Callable[[], NodeConfig]
    """Raises NodeInvalid."""
    relog: Callable[[LogChoice], None] = lambda _choice: None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a node file differs from what runs."""

    config: NodeConfig
    """What runs from now on."""
    taken: tuple[str, ...] = ()
    """Keys of the node file; of peers also who came, went and changed."""
    restart: tuple[str, ...] = ()
    """Keys that need a restart."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns it for people."""
        taken = (f"node file: taken: {'; '.join(self.taken)}",) if self.taken else ()
        return (*taken, *((f"node file: needs a restart: {'; '.join(self.restart)}",) if self.restart else ()))


def difference(running: NodeConfig, asked: NodeConfig) -> Difference:
    """Returns the differences to take of a node file as it is now."""
    other = [field.name for field in fields(NodeConfig) if getattr(running, field.name) != getattr(asked, field.name)]
    is_first_or_last = bool(running.peers) != bool(asked.peers)
    waits = {name for name in other if name not in TAKEN or (is_first_or_last and name in FROM_OR_TO_NONE)}
    taken = {name: getattr(asked, name) for name in other if name not in waits}
    lines = _unique(TAKEN[name] for name in taken)
    if "peers" in taken:
        lines = (f"share.peers ({_peers(running.peers, asked.peers)})", *(w for w in lines if w != "share.peers"))
    restart = _unique({**TAKEN, **RESTARTED}[name] for name in other if name in waits)
    return Difference(replace(running, **taken), lines, restart)


def _peers(before: tuple[Peer, ...], after: tuple[Peer, ...]) -> str:
    was, now = ({peer.node: peer for peer in peers} for peers in (before, after))
    parts = {
        "added": now.keys() - was.keys(),
        "removed": was.keys() - now.keys(),
        "changed": {name for name in now.keys() & was.keys() if now[name] != was[name]},
    }
    told = [f"{word} {_some(sorted(names))}" for word, names in parts.items() if names]
    return ", ".join(told) or "in another order"


MAX_NAMED = 8


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return " ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _unique(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))
