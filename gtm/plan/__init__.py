"""Zones, cells and decisions as one immutable, numbered value: the only thing engines read; pure."""
