"""Finds the unusable files that a node file names: keys, certificates, roots and tokens.

A running node uses the contents of these files from its start. The next start would fail, so a reload reports them
before. This reads the disk, so it must run in a thread.
"""

from collections.abc import Callable, Iterator

from gtm.admin.write_access import read_digest
from gtm.errors import FileUnreadable, StateInvalid
from gtm.node.config.model import NodeConfig, Role
from gtm.node.rivers.sharing import read_password
from gtm.share.keys import load_key
from gtm.tls.peers import client_tls, server_tls

NO_START = "the node would not start with this node file"
NOBODY = "nobody gets in with it"


def useless_files(config: NodeConfig) -> tuple[str, ...]:
    """Returns a line for each unusable file: the key in the node file, what is wrong, and the consequence."""
    return (*_fatal(config), *_tokens(config))


def _fatal(config: NodeConfig) -> Iterator[str]:
    """Yields a line for each unusable file with which a node cannot start."""
    key, listens, asks = config.key, config.admin_tls, config.share.tls
    loads: tuple[tuple[str, Callable[[], object]], ...] = (
        ("share.key", lambda: key and load_key(key)),
        ("listen.tls", lambda: listens and Role.ADMIN in config.roles and server_tls(listens)),
        ("share.tls", lambda: asks and client_tls(asks)),
        ("share.etcd.password_file", lambda: read_password(config.share)),
    )
    for name, load in loads:
        try:
            load()
        except StateInvalid as error:
            yield f"{name}: {error}; {NO_START}"


def _tokens(config: NodeConfig) -> Iterator[str]:
    """Yields a line for each unusable token file; the node starts all the same."""
    for name, path in config.credentials.tokens.items():
        try:
            read_digest(path)
        except FileUnreadable as error:
            yield f"overrides.tokens.{name}: {path}: {error.reason}; {NOBODY}"
        except ValueError as error:
            yield f"overrides.tokens.{name}: {path}: {error}; {NOBODY}"
