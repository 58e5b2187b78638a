"""Names as people type them in a zone file -> absolute names that the zone can have or mean.

In comes text and the zone's own name, out goes a name; or TextInvalid, which also catches the oldest mistake of
zone files, the forgotten final dot.
"""

from dns.name import Name, NameTooLong

from gtm.dns.text import parse_name
from gtm.errors import TextInvalid


def owner_name(text: str, origin: Name) -> Name:
    """Returns the absolute owner name of a record or service; raises TextInvalid for a name outside the zone."""
    name = parse_name(text, origin)
    if not name.is_subdomain(origin):
        zone = origin.to_text(omit_final_dot=True)
        raise TextInvalid(f'"{text}" is outside the zone {zone}; without its final dot it would be inside')
    return no_doubled_zone(name, text, origin)


def no_doubled_zone(name: Name, text: str, origin: Name) -> Name:
    """Returns the name; raises TextInvalid if it ends with the zone's name twice, as after a forgotten final dot."""
    try:
        doubled = Name((*origin.labels[:-1], *origin.labels))
    except NameTooLong:
        return name
    if not text.endswith(".") and name.is_subdomain(doubled):
        raise TextInvalid(f'"{text}" without a final dot means {name}; write "{text}." if you mean that name')
    return name


def target_name(text: str, origin: Name) -> Name:
    """Returns the absolute name of a target, which may be outside the zone; raises TextInvalid for a wrong one."""
    return no_doubled_zone(parse_name(text, origin), text, origin)
