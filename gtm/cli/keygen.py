"""`gtm keygen`: a key pair that signs a node's reports."""

from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import print_fields, print_plain
from gtm.cli.options import JsonOption
from gtm.share.keys import generate_key, load_key, save_key


def keygen(
    file: Annotated[Path, typer.Argument(help="Where to write the private key: keys/ns1-fra.key")],
    *,
    show: Annotated[
        bool, typer.Option("--show", help="Make none: print the public key of a file that exists.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make the key pair of a node: write the private key to a file, and print the public one for its peers.

    A key file that exists is never overwritten.
    """
    if show:
        key = load_key(file)
    else:
        key = generate_key()
        save_key(file, key)
    if json:
        print_fields({"file": str(file), "public": str(key.public)})
    else:
        print_plain(str(key.public))
