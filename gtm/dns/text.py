"""Names in presentation format -> absolute names (RFC 1035 5.1).

In comes what a person typed, out goes an absolute name, or TextInvalid with the reason in words. It must not know
of files or lines: whoever read the file adds those.
"""

from dns.exception import DNSException
from dns.name import BadEscape, EmptyLabel, LabelTooLong, Name, NameTooLong, from_text, root

from gtm.errors import TextInvalid

_WORDS: tuple[tuple[type[DNSException], str], ...] = (
    (EmptyLabel, "a label between two dots is empty"),
    (LabelTooLong, "a label is longer than 63 bytes"),
    (NameTooLong, "it is longer than 255 bytes"),
    (BadEscape, r"a bad escape; it is \ with a character, or with three digits up to 255"),
)


def parse_name(text: str, origin: Name = root) -> Name:
    """Returns the absolute name of a text; without a trailing dot it is relative to the origin, and `@` is the origin.

    Raises TextInvalid with the reason for a text that is no name.
    """
    if not text or any(character.isspace() for character in text):
        raise TextInvalid(f'"{text}" is not a name: {"it has a space" if text else "it is empty"}')
    try:
        return from_text(text, origin)
    except (DNSException, UnicodeError) as error:
        raise TextInvalid(f'"{text}" is not a name: {_reason(error)}') from error


_ONE_LABEL = 2
"""The number of labels of a name of one label and the root: it was meant as relative, but a mailbox is absolute."""


def parse_mailbox(text: str) -> Name:
    r"""Returns a mailbox as a name: `host.master@example.com` is `host\.master.example.com` (RFC 1035 8)."""
    user, at, domain = text.rpartition("@")
    if not at:
        name = parse_name(text)
        if len(name.labels) == _ONE_LABEL:
            raise TextInvalid(f'"{text}" is not a mailbox such as hostmaster@example.com')
        return name
    if not user or not domain:
        raise TextInvalid(f'"{text}" is not a mailbox such as hostmaster@example.com')
    name = parse_name(domain)
    try:
        return Name((user.encode(), *name.labels))
    except (DNSException, UnicodeError) as error:
        raise TextInvalid(f'"{text}" is not a mailbox: {_reason(error)}') from error


def _reason(error: Exception) -> str:
    return next(
        (message for kind, message in _WORDS if isinstance(error, kind)), "it has characters that no name can have"
    )
