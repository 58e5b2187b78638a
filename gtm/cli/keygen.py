"""`gtm keygen`: a key pair that signs a node's reports."""

from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import print_plain
from gtm.share.keys import generate_key, save_key


def keygen(
    file: Annotated[Path, typer.Argument(help="Where to write the private key: keys/ns1-fra.key")],
) -> None:
    """Make the key pair of a node: write the private key to a file, and print the public one for its peers.

    A key file that exists is never overwritten.
    """
    key = generate_key()
    save_key(file, key)
    print_plain(str(key.public))
