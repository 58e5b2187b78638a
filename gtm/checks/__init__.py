"""Checks: what zones say of monitors, in the terms of verdicts; and how calculated monitors combine others; pure."""
