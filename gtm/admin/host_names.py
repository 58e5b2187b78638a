"""Names of this machine, as clients call it."""

import re

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME_PATTERN = rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*"
"""`*.` stands for any one label, as in a certificate (RFC 9525 6.3)."""


def clean_name(name: str) -> str:
    """Returns a host name in lower case without its final dot, for comparison; empty for text that is no host name."""
    name = name.strip().lower().removesuffix(".")
    return name if len(name) <= 253 and re.fullmatch(NAME_PATTERN, name) else ""


def is_among(name: str, names: frozenset[str]) -> bool:
    """Returns whether a name is one of these names, of which `*.` stands for one label. All are from `clean_name`."""
    first, dot, rest = name.partition(".")
    return name in names or bool(first and dot and f"*.{rest}" in names)
