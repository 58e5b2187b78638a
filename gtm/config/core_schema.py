"""The core schema of YAML 1.2: the text of a plain scalar -> its value.

Only true, false, null and numbers are anything but text, so `NO`, `on`, `1:30`, `2024-01-01` and `2001:db8::1` stay as
they were typed.
"""

import re

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_BASED = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?")
"""YAML 1.2.2 10.3.2, bounded: longer digits, infinities and NaN stay text, which no key accepts as a number."""


def core_value(text: str) -> bool | int | float | str | None:
    """Returns the value of an unquoted YAML scalar by the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
