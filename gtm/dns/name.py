"""Names as the plan keys them: the labels in lower case, without the root.

`Api.GTM.example.com.` is `(b"api", b"gtm", b"example", b"com")`. Names compare without regard to the case of ASCII
letters (RFC 4343); what is answered keeps the case that was asked.
"""

from dns.name import Name

Labels = tuple[bytes, ...]


def labels(name: Name) -> Labels:
    """Returns the labels of an absolute name in lower case, without the root: its key in the plan."""
    return tuple(label.lower() for label in name.labels[:-1])


def folded(parts: Labels) -> Labels:
    """Returns labels in lower case: their key in the plan."""
    return tuple(part.lower() for part in parts)


def text(parts: Labels) -> str:
    """Returns labels as a name in presentation format, with the trailing dot."""
    return Name((*parts, b"")).to_text()


def wire(name: Name) -> bytes:
    """Returns an absolute name in wire format, without compression (RFC 1035 3.1); it keeps upper and lower case."""
    return b"".join(bytes((len(label),)) + label for label in name.labels)


def from_wire(octets: bytes) -> Labels:
    """Returns the labels of an uncompressed name in wire format; it keeps upper and lower case.

    The name must be valid: it comes from the plan.
    """
    parts, at = [], 0
    while octets[at]:
        parts.append(octets[at + 1 : at + 1 + octets[at]])
        at += 1 + octets[at]
    return tuple(parts)


def relative_key(parts: Labels, origin: Labels) -> bytes:
    """Returns the key of a name within its zone, as packed records files use it, in lower case.

    It has each label after its length; the label next to the origin comes first. So a key begins with the key of every
    name above it. `parts` and `origin` must both have the root label, or neither.
    """
    own = parts[: len(parts) - len(origin)]
    return b"".join(
        [bytes((len(label),)) + label for label in reversed(own)]
    ).lower()  # no length is a letter: RFC 1035


def octets(parts: Labels) -> int:
    """Returns the length of a name on the wire without compression, in octets."""
    return sum(1 + len(part) for part in parts) + 1
