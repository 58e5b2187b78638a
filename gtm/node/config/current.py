"""The node file that counts now: a reload replaces it, and whoever needs it reads it here."""

from gtm.node.config.model import NodeConfig


class CurrentConfig:
    """Has the configuration that counts now."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
