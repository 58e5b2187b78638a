r"""Text that others wrote -> text that is safe in a log, at a terminal, in a label or in JSON.

What comes in: any text: a key of a zone file, a file's name, a peer's words. What goes out: the same text with every
character that does not print written as an escape, and not longer than a limit:

    \n \r \t \x1b \x7f \x9b      control characters, which move a cursor, set a title or begin a line
    \u202e \u2028 \ufeff \xa0    what turns text around, ends a line or cannot be seen
    \udcff                       half a character, which UTF-8 cannot say: a file's name need not be text

Letters of every script stay as they are. It knows nothing of where the text goes; each exit calls it once:
gtm/cli/lines.py (log and terminal), gtm/cli/json_lines.py (log as JSON), gtm/metrics/labels.py, gtm/admin/encode.py.
"""

import re

_BEYOND_ASCII = re.compile("[^ -~]")
"""The characters that may be unprintable: str.isprintable decides for each."""


def escaped(text: str, *, limit: int) -> str:
    """Returns the text on one line, with its unprintable characters escaped.

    Text of more than `limit` characters is cut, and its number of characters is added.
    """
    kept = text[:limit]
    if not kept.isprintable():
        kept = _BEYOND_ASCII.sub(_escape, kept)
    if len(text) <= limit and len(kept) <= limit:
        return kept
    return f"{kept[:limit]}... ({len(text)} characters)"


def escaped_json(text: str) -> str:
    r"""Returns JSON text of the same meaning, with \uXXXX for unprintable characters; its line breaks stay.

    Half a character (a lone surrogate) is invalid in strict JSON: it becomes the text of its escape.
    """
    if text.isprintable():
        return text
    return _BEYOND_ASCII.sub(_escape_in_json, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _escape_in_json(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable() or character in _BETWEEN_VALUES:
        return character
    if "\ud800" <= character <= "\udfff":
        return f"\\\\u{ord(character):04x}"
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


_BETWEEN_VALUES = "\n\r\t"
"""Line breaks and tabs between values. Inside a string, JSON has them as escapes already (RFC 8259 7)."""
