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


def wire(name: Name) -> bytes:
    """Returns an absolute name in wire format, without compression (RFC 1035 3.1), in its own case."""
    return b"".join(bytes((len(label),)) + label for label in name.labels)


def from_wire(octets: bytes) -> Labels:
    """Returns the labels of an uncompressed name that the plan holds, in their own case."""
    parts, at = [], 0
    while octets[at]:
        parts.append(octets[at + 1 : at + 1 + octets[at]])
        at += 1 + octets[at]
    return tuple(parts)


def relative_key(parts: Labels, origin: Labels) -> bytes:
    """Returns the key of a name within a zone: as records files have it packed, in lower case.

    The label next to the origin comes first, each behind its length: the key of a name begins with that of any above.
    Both names have the root, or neither.
    """
    own = parts[: len(parts) - len(origin)]
    return b"".join(
        [bytes((len(label),)) + label for label in reversed(own)]
    ).lower()  # no length is a letter: RFC 1035


def octets(parts: Labels) -> int:
    """Returns the length of a name on the wire without compression, in octets."""
    return sum(1 + len(part) for part in parts) + 1
