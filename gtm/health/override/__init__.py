"""Overrides: what a person sets for a scope, and how it is signed."""
