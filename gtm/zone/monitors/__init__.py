"""Monitors in a zone file: what may be said of each kind (kinds/, registry.py), and the settings that this becomes."""
