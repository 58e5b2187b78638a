"""Checks: which monitor checks which target, how verdicts change, and how calculated monitors combine beliefs; pure."""
