"""The part `overrides` of a node file: whose overrides count here, and who may set them."""

from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator

from gtm.config.entry import Entry
from gtm.config.fields import error, found, text_like
from gtm.node.config.values import Name, PathText

_CertificateName = Annotated[
    str, text_like(r"[!-~](?:[ -~]{0,253}[!-~])?", "expected a subject or an alternative name of a certificate")
]


def _accepted(value: object) -> frozenset[str] | None:
    """Returns the names of the peers in a list, or None for `all`; raises an error for any other value."""
    if value == "all":
        return None
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return frozenset(value)
    what = "one of something else" if isinstance(value, list) else found(value)
    raise error(f"expected all, or a list of peers, not {what}")


class TokenEntry(Entry):
    """The file of one token."""

    file: PathText
    """File with the token, or with `sha256:` and its SHA-256 in hex."""


def _no_token(value: object) -> object:
    """Returns a mapping unchanged; raises an error for any other value."""
    if not isinstance(value, dict):  # the value may be the token itself, so the message must not repeat it
        raise error("expected {file: PATH}: a token stands in a file of its own")
    return value


class OverridesEntry(Entry):
    """Whose overrides count here, besides this node's own (None: all peers), and who may say them."""

    accept_from: Annotated[frozenset[str] | None, PlainValidator(_accepted)] = frozenset()
    """Peers whose overrides count here and are passed on, besides the node's own: a list, or `all`. Default: `[]`."""
    tokens: dict[Name, Annotated[TokenEntry, BeforeValidator(_no_token)]] = Field(default_factory=dict)
    """Who has the token in such a file may set overrides over TCP
    (docs/reference/admin-api.md#who-may-change-something).
    """
    certificates: list[_CertificateName] = Field(default_factory=list)
    """Names (common or alternative) of client certificates whose holders may set overrides over TCP; they need
    `listen.tls.ca`.
    """
