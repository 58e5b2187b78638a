"""Values of node files that several of their parts have in common (gtm/node/config/parse.py and share.py)."""

from typing import Annotated

from pydantic import BeforeValidator, PlainValidator

from gtm.config.fields import error, found, text, text_like

NAME_PATTERN = r"[A-Za-z0-9._-]{1,64}"
"""Of nodes and vantages; what a report may say (gtm/health/report/envelope.py)."""


def _path(value: object) -> str:
    if not text(value) or "\0" in str(value):
        raise error(f"expected the path of a file or folder, not {found(value)}")
    return str(value)


def _something(value: object) -> object:
    if value is None:
        raise error("there is nothing here; fill it in, or remove the key")
    return value


Something = BeforeValidator(_something)
Name = Annotated[str, text_like(NAME_PATTERN, 'expected a name of letters, digits, ".", "_" and "-", at most 64')]
PathText = Annotated[str, PlainValidator(_path)]
