"""Names as the plan keys them: the labels in lower case, without the root.

`Api.GTM.example.com.` is `(b"api", b"gtm", b"example", b"com")`. Names compare without regard to the case of ASCII
letters (RFC 4343); what is answered keeps the case that was asked.
"""

from dns.name import Name

Labels = tuple[bytes, ...]


def labels(name: Name) -> Labels:
    """Returns the key of an absolute name."""
    return tuple(label.lower() for label in name.labels[:-1])


def folded(parts: Labels) -> Labels:
    """Returns labels as they came, as a key."""
    return tuple(part.lower() for part in parts)


def text(parts: Labels) -> str:
    """Returns labels in presentation format, with the trailing dot."""
    return Name((*parts, b"")).to_text()


def wire(parts: Labels) -> bytes:
    """Returns labels in wire format, without compression (RFC 1035 3.1)."""
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
