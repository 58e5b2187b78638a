"""Monitors in a zone file: which keys each kind has, their values, rules between them, and the settings they become."""
