"""The configuration that counts now: a reload replaces it, and the parts of the node read it here."""

from gtm.node.config.model import NodeConfig


class CurrentConfig:
    """Holds the configuration that counts now, in `config`."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
