"""Checks: runs every monitor from this node's vantage; one file per kind."""
