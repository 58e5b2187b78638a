"""docs/reference/node-file.md: every key of a node file, its default and its meaning.

What comes in: the models that read a node file (gtm/node/config/), and the strings below their fields. A string may end
with `Default: ...`, where the default of the model does not say it. A page is named there from the root of the
repository, as comments name it: `docs/guides/tls.md`.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gtm.node.config.schema import NodeEntry
from tools.docs.described import members
from tools.docs.section import table

_DEFAULT = re.compile(r"\s*Default: (.+?)\.$")
_PAGE = re.compile(r"\(docs/([\w/-]+/)?([\w-]+)\.md(#[\w-]+)?\)")
_SECONDS = frozenset({"settle", "idle", "stale_hold"})
"""Keys whose value is a time: `2.5s` in the file, seconds in the model."""


def node_file_section() -> str:
    """Returns the table of the page; raises KeyError for a key without a description."""
    return table(("key", "default", "meaning"), list(_rows(NodeEntry, "")))


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    described = members(inspect.getsource(sys.modules[model.__module__]))[model.__name__]
    for name, field in model.model_fields.items():
        inner = _model_of(field.annotation)
        is_alone = inner is not None and not _is_many(field.annotation)
        text = described[name]
        default = _default(name, field, text)
        if inner is None or not is_alone or _DEFAULT.search(text):
            yield f"`{prefix}{name}`", default, _linked(_DEFAULT.sub("", text))
        if inner is not None:
            yield from _rows(inner, f"{prefix}{name}{_step(field.annotation)}")


def _model_of(annotation: object) -> type[BaseModel] | None:
    """Returns the model inside an annotation: itself, of a list, of a dict, or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_of(inner))), None)


def _is_many(annotation: object) -> bool:
    return getattr(annotation, "__origin__", None) in {list, dict}


def _step(annotation: object) -> str:
    match getattr(annotation, "__origin__", None):
        case origin if origin is dict:
            return ".NAME."
        case origin if origin is list:
            return "[]."
    return "."


def _default(name: str, field: FieldInfo, text: str) -> str:
    said = _DEFAULT.search(text)
    if said is not None:
        return said[1]
    if field.is_required():
        return "required"
    return _value(name, field.get_default(call_default_factory=True))


def _value(name: str, value: Any) -> str:
    match value:
        case None | [] | {}:
            return "none"
        case Enum():
            return f"`{value.value}`"
        case bool():
            return f"`{str(value).lower()}`"
        case [*many]:
            return ", ".join(_value(name, one) for one in many)
        case int() | float() if name in _SECONDS:
            return f"`{value // 60:g}m`" if value >= 60 and value % 60 == 0 else f"`{value:g}s`"
        case float():
            return f"`{value:g}`"
    return f"`{value}`"


def _linked(text: str) -> str:
    """Returns the text with links where it names pages, relative to docs/reference/."""

    def link(match: re.Match[str]) -> str:
        folder, page, anchor = match[1] or "", match[2], match[3] or ""
        target = f"{page}.md" if folder == "reference/" else f"../{folder}{page}.md"
        return f"([{page}]({target}{anchor}))"

    return _PAGE.sub(link, text)
