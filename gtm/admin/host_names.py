"""Names of this machine, as clients call it."""

import re

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME_PATTERN = rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*"
"""`*.` stands for any one label, as in a certificate (RFC 9525 6.3)."""


def clean_name(name: str) -> str:
    """Returns a name as it is compared; empty for what is none."""
    name = name.strip().lower().removesuffix(".")
    return name if len(name) <= 253 and re.fullmatch(NAME_PATTERN, name) else ""


def is_among(name: str, names: frozenset[str]) -> bool:
    """Returns whether a name, as it is compared, is one of these."""
    first, dot, rest = name.partition(".")
    return name in names or bool(first and dot and f"*.{rest}" in names)
