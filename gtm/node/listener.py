"""The admin listener of a node: what it is called by, and what is to be said of where it listens."""

from collections.abc import Iterable

from gtm.admin.host_names import clean_name
from gtm.node.config.model import NodeConfig


def own_names(config: NodeConfig, hostname: str, shown: Iterable[str]) -> frozenset[str]:
    """Returns the names of this machine: its own names, the node file's, and those of the certificate it shows."""
    machine = clean_name(hostname)
    own = {machine, machine.partition(".")[0], clean_name(config.node), *config.hosts, *shown}
    return frozenset(own - {""})


def warning_of_plain_http(config: NodeConfig) -> str:
    """Returns the warning about a listener that is open to the network without TLS; empty for any other."""
    if config.admin_tls is not None or config.admin.address.is_loopback or config.is_plain_accepted:
        return ""
    return (
        f"the admin API on http://{config.admin} is open to the network in plain HTTP: whoever reaches it reads what "
        "this node knows, and whoever listens on the way reads tokens, too; set listen.tls (with a ca, only clients "
        "with a certificate get in), or listen.plain: ok where the network is yours alone"
    )
