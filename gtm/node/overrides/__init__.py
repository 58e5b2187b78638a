"""Overrides at a node: requested, accepted, stored, and combined with safety rules into the overlay."""
