"""The admin listener of a node: the host names that it accepts, and the warning about plain HTTP."""

from collections.abc import Iterable

from gtm.admin.host_names import clean_name
from gtm.node.config.model import NodeConfig


def own_names(config: NodeConfig, hostname: str, shown: Iterable[str]) -> frozenset[str]:
    """Returns the host names by which clients may call the admin listener.

    They are the host name of the machine (long and short), the name of the node, `listen.hosts` of the node file, and
    the names in the certificate of the listener (`shown`).
    """
    machine = clean_name(hostname)
    own = {machine, machine.partition(".")[0], clean_name(config.node), *config.hosts, *shown}
    return frozenset(own - {""})


def warning_of_plain_http(config: NodeConfig) -> str:
    """Returns the warning about an admin listener that is open to the network without TLS; else an empty text."""
    if config.admin_tls is not None or config.admin.address.is_loopback or config.is_plain_accepted:
        return ""
    return (
        f"the admin API on http://{config.admin} is open to the network in plain HTTP: whoever reaches it reads what "
        "this node knows, and whoever listens on the way reads tokens, too; set listen.tls (with a ca, only clients "
        "with a certificate get in), or listen.plain: ok where the network is yours alone"
    )
