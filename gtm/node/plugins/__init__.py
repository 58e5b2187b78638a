"""Steering filters of other packages: loads them, and guards the node against their failures."""
