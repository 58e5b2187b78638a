"""The changes of a node file: which ones a running node can apply, and which ones wait for a restart.

    node file, read again -> compare with what runs -> applied, by key; or reported as a key that needs a restart

Every field of NodeConfig is in one of two tables, with its keys of the node file. A restart is needed for the identity
of the node (its name, vantage, key), for what is opened once (sockets, folders, the engine), and for what is loaded
before the first answer.
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
"""The fields of NodeConfig that a running node can change, each with its keys of the node file."""

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
"""The fields of NodeConfig that change only at a restart, each with its keys of the node file."""

FROM_OR_TO_NONE = frozenset({"peers", "listed", "overrides_from", "quorum"})
"""Fields that also wait for a restart when a node gets its first peer or loses its last: other rivers run then."""


@dataclass(frozen=True, slots=True)
class NodeFileReread:
    """The functions that a reload needs: one reads the node file again, one applies new settings of the log."""

    read: Callable[[], NodeConfig]
    """Returns the configuration of the node file and of the command line; raises NodeInvalid."""
    relog: Callable[[LogChoice], None] = lambda _choice: None
    """Applies new settings of the log."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The differences between a node file and the configuration that runs."""

    config: NodeConfig
    """The configuration that runs from now on: the running one with the fields that it can change."""
    taken: tuple[str, ...] = ()
    """The keys of the node file that change now; for peers also which were added, removed and changed."""
    restart: tuple[str, ...] = ()
    """The keys of the node file whose changes need a restart."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns the differences as lines for people: the keys that change, and those that need a restart."""
        taken = (f"node file: taken: {'; '.join(self.taken)}",) if self.taken else ()
        return (*taken, *((f"node file: needs a restart: {'; '.join(self.restart)}",) if self.restart else ()))


def difference(running: NodeConfig, asked: NodeConfig) -> Difference:
    """Returns the differences of the configuration in the node file (`asked`) from the running one."""
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
    """Returns which peers were added, removed and changed, for people."""
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
    """Returns the first MAX_NAMED names, and the number of the others."""
    more = len(names) - MAX_NAMED
    return " ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _unique(lines: Iterable[str]) -> tuple[str, ...]:
    """Returns the lines in their order, each once."""
    return tuple(dict.fromkeys(lines))
