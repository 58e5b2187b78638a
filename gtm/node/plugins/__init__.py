"""Steering filters of other packages: found, and kept from harming the node."""
