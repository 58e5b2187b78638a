r"""$GENERATE of BIND 9: a range and a template -> the lines of as many records.

    1-3 host$ A 192.0.2.${10}          host1 A 192.0.2.11, host2 A 192.0.2.12, host3 A 192.0.2.13

In comes what stands behind the directive, out go lines of a master file; or TextInvalid. The form is that of the BIND 9
Administrator Reference Manual:

    START-STOP[/STEP]  NAME  [TTL] [CLASS]  TYPE  VALUE      VALUE in quotes, which are no part of it, if it has spaces
    $                        the number
    ${OFFSET[,WIDTH[,BASE]]} the number and an offset, as wide with zeros: d decimal, o octal, x or X hexadecimal,
                             n or N hexadecimal digits from the last to the first with dots between them
    \$ or $$                 a dollar sign
"""

import re
from collections.abc import Callable

from gtm.errors import TextInvalid

MAX_NUMBER = 2**31 - 1
MAX_WIDTH = 255
"""No name is longer."""

_TOKEN = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+))')
_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))?")
_PART = re.compile(
    r"(?P<escaped>\\.)|(?P<dollar>\$\$)|\$\{(?P<offset>[-+]?[0-9]{1,10})(?:,(?P<width>[0-9]{1,3})(?:,(?P<base>[doxXnN]))?)?\}"
    r"|(?P<number>\$(?!\{))|(?P<text>[^\\$]+)"
)
_CLASSES = frozenset({"IN", "CH", "HS", "CS"})

Print = Callable[[int], str]
"""Returns the text of one part of a template, for a number of the range."""


def expand(argument: str, *, limit: int, limit_bytes: int) -> list[str]:
    """Returns the lines of the records that a $GENERATE directive stands for.

    `argument` is the text after the directive. Raises TextInvalid for a wrong form, for more lines than `limit`, and
    for more bytes than `limit_bytes`.
    """
    tokens = _tokens(argument)
    if len(tokens) < 4:
        raise TextInvalid("$GENERATE has a range, a name, a type and a value: 1-9 host$ A 192.0.2.$")
    numbers = _range(tokens[0], limit)
    middle = 2
    while middle < len(tokens) - 2 and (tokens[middle][:1].isdigit() or tokens[middle].upper() in _CLASSES):
        middle += 1
    if len(tokens) != middle + 2:
        raise TextInvalid("$GENERATE has one value; a value with spaces is put in quotes as a whole")
    name, value = _template(tokens[1]), _template(tokens[-1])
    between = " ".join(tokens[2 : middle + 1])
    lines, left = [], limit_bytes
    for number in numbers:
        line = f"{_filled(name, number)} {between} {_filled(value, number)}"
        left -= len(line.encode()) + 1
        if left < 0:  # before the others are made: they may be longer than the memory of this machine
            message = f"makes more than {limit_bytes} bytes, which are left for this zone"
            raise TextInvalid(f"$GENERATE {tokens[0]} {message}")
        lines.append(line)
    return lines


def _tokens(argument: str) -> list[str]:
    tokens, at = [], 0
    argument = argument.rstrip()
    while at < len(argument):
        match = _TOKEN.match(argument, at)
        if match is None:
            raise TextInvalid("$GENERATE: a quote is not closed")
        quoted, word = match.groups()
        tokens.append(word if quoted is None else quoted.replace('\\"', '"'))
        at = match.end()
    return tokens


def _range(text: str, limit: int) -> range:
    match = _RANGE.fullmatch(text)
    first, last, step = (int(number or 1) for number in match.groups()) if match else (1, 0, 1)
    if first > last or step < 1 or max(last, step) > MAX_NUMBER:
        raise TextInvalid(f'"{text}" is no range for $GENERATE, such as 1-9 or 0-254/2')
    numbers = range(first, last + 1, step)
    if len(numbers) > limit:
        raise TextInvalid(f"$GENERATE {text} makes {len(numbers)} records, and {limit} is what is left for this zone")
    return numbers


def _template(text: str) -> list[str | Print]:
    parts: list[str | Print] = []
    offset = at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            raise TextInvalid(
                f'"{text}" has a $ that is none of $, $$, and ${{OFFSET,WIDTH,BASE}} with base d o x X n N'
            )
        offset = offset if match["offset"] is None else int(match["offset"])
        if match["number"] and offset:  # BIND 9.18 adds it to that number too, though its manual says otherwise
            raise TextInvalid(f'"{text}" has a $ behind ${{{offset}..}}; write ${{0}} for the number without an offset')
        parts.append(_part(match))
        at = match.end()
    return parts


def _part(match: re.Match[str]) -> str | Print:
    if match["offset"] is not None:
        return _printed(int(match["offset"]), int(match["width"] or 0), match["base"] or "d")
    if match["number"]:
        return str
    return r"\$" if match["dollar"] else match[0]


def _printed(offset: int, width: int, base: str) -> Print:
    if width > MAX_WIDTH:
        raise TextInvalid(f"$GENERATE: a number is at most {MAX_WIDTH} wide, not {width}")

    def print_number(number: int) -> str:
        number += offset
        if base == "d":
            return f"{number:0{width}d}" if width else str(number)
        if number < 0:
            raise TextInvalid(f"$GENERATE: {number} is below 0, and only base d has such numbers")
        return _nibbles(number, width, base) if base in "nN" else f"{number:0{width or 1}{base}}"

    return print_number


def _nibbles(number: int, width: int, base: str) -> str:
    """Returns the hexadecimal digits from the last to the first with dots between them; `width` counts the dots too."""
    digits = f"{number:{'x' if base == 'n' else 'X'}}"[::-1]
    dotted = ".".join(digits)
    padding = ("." + "0." * width)[: max(0, width - len(dotted))]
    return dotted + padding


def _filled(template: list[str | Print], number: int) -> str:
    return "".join(part if isinstance(part, str) else part(number) for part in template)
