"""Types of values that several parts of a node file use."""

from typing import Annotated

from pydantic import BeforeValidator, PlainValidator

from gtm.config.fields import error, found, text, text_like

NAME_PATTERN = r"[A-Za-z0-9._-]{1,64}"
"""The pattern for names of nodes and vantages; reports have the same (gtm/health/report/envelope.py)."""


def _path(value: object) -> str:
    """Returns a path as text; raises an error for an empty one or one with a zero byte."""
    if not text(value) or "\0" in str(value):
        raise error(f"expected the path of a file or folder, not {found(value)}")
    return str(value)


def _something(value: object) -> object:
    """Returns a value unchanged; raises an error when the key has no value."""
    if value is None:
        raise error("there is nothing here; fill it in, or remove the key")
    return value


Something = BeforeValidator(_something)
Name = Annotated[str, text_like(NAME_PATTERN, 'expected a name of letters, digits, ".", "_" and "-", at most 64')]
PathText = Annotated[str, PlainValidator(_path)]
