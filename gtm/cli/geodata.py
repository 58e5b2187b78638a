"""`gtm geodata`: what the geo databases are, what they know, and how to put a better one in place."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import counted, print_fields, print_plain, print_table
from gtm.cli.options import ConfigOption, JsonOption, read_config, read_geodata, relative
from gtm.errors import DatabaseInvalid
from gtm.watch.geodata import load
from gtm.watch.geoinstall import Verification, attribution, install, verify
from gtm.watch.geoload import GeoLoad, Source

geodata_app = typer.Typer(no_args_is_help=True, help="Look at, verify and install geo databases.")

FileArgument = Annotated[Path, typer.Argument(help="A database: City, Country or ASN schema (.mmdb).")]


@geodata_app.command()
def status(config: ConfigOption = None, *, json: JsonOption = False) -> None:
    """Show which databases serve, and what is wrong with those that do not; exit with 1 if something is."""
    geo = read_config(config).geo
    loaded = load(geo.databases, geo.networks)
    if json:
        print_fields({"geo": [_fields(source) for source in loaded.sources], "geo_problems": loaded.problems})
    else:
        _print_loaded(loaded)
    if loaded.problems:
        raise typer.Exit(1)


def _fields(database: Source | Verification) -> Mapping[str, object]:
    return {
        "file": str(database.path),
        "type": database.type,
        "built_at": database.built_at,
        "networks": database.networks,
        "size_bytes": database.size_bytes,
    }


def _print_loaded(loaded: GeoLoad) -> None:
    rows = [
        (str(relative(source.path)), source.type, _date(source.built_at), f"{source.networks}", f"{source.size_bytes}")
        for source in loaded.sources
    ]
    print_table("geo data", ("file", "type", "built", "networks", "bytes"), rows)
    for problem in loaded.problems:
        print_plain(f"problem: {problem}")


@geodata_app.command()
def lookup(
    address: Annotated[str, typer.Argument(help="An IP address.")],
    config: ConfigOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show where an address is, and for which network that is known."""
    try:
        asked = ip_address(address.partition("%")[0])
    except ValueError as error:
        raise typer.BadParameter(f'"{address}" is not an IP address') from error
    place, network = read_geodata(config).geography.locate(asked)
    if json:
        point = None if place.at is None else place.at._asdict()
        print_fields({"address": str(asked), "network": str(network), "place": {**place._asdict(), "at": point}})
        return
    at = "" if place.at is None else f"{place.at.latitude}, {place.at.longitude}"
    facts = (
        ("network", str(network)),
        ("continent", place.continent),
        ("country", place.country),
        ("subdivision", place.subdivision),
        ("city", place.city),
        ("at", at),
        ("asn", "" if place.asn is None else f"AS{place.asn} {place.organization}".strip()),
        ("tags", ", ".join(place.tags)),
    )
    for name, value in facts:
        print_plain(f"{name:<12}{value or '-'}")


@geodata_app.command("verify")
def verify_file(file: FileArgument, *, json: JsonOption = False) -> None:
    """Read a database whole, and ask it what is known; exit with 1 if it is not good."""
    verified = verify(file)
    if json:
        print_fields(_verified(verified))
    else:
        _print(verified)


@geodata_app.command("install")
def install_file(
    file: FileArgument,
    *,
    force: Annotated[bool, typer.Option("--force", help="Even if it lacks much of what the one replaced has.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Verify a database and put it in the place of the first one; a running node takes it up by itself."""
    geo = read_config(config).geo
    if not geo.databases:
        raise DatabaseInvalid("geo.databases of the node file is empty: it names no file to install this as")
    used = geo.databases[0]
    target = used if geo.instead is None else relative(geo.instead)
    installed = install(file, target, replaced=used, force=force)
    if json:
        print_fields({**_verified(installed), "installed": str(target)})
        return
    _print(installed)
    kept = "" if geo.instead is None else "; it serves in place of the shipped database, which stays as it is"
    print_plain(f"installed as {target}{kept}")


@geodata_app.command("attribution")
def show_attribution(config: ConfigOption = None, *, json: JsonOption = False) -> None:
    """Print what the licences of the databases in use ask you to say."""
    lines = attribution(read_geodata(config).sources)
    if json:
        print_fields({"attributions": lines})
        return
    for line in lines:
        print_plain(line)


def _verified(verified: Verification) -> Mapping[str, object]:
    return {
        **_fields(verified),
        "families": sorted(verified.families),
        "places": verified.places,
        "answers": [asdict(answer) for answer in verified.answers],
        "oddities": [oddity._asdict() for oddity in verified.oddities[:MOST_ODDITIES]],
        "oddities_count": len(verified.oddities),
    }


def _print(verification: Verification) -> None:
    print_plain(f"{verification.path}: good")
    print_plain(f"type      {verification.type}, built {_date(verification.built_at)}")
    print_plain(
        f"size      {verification.networks} networks, {verification.places} places, {verification.size_bytes} bytes"
    )
    if verification.locates:
        print_plain(f"answers   {verification.right_answers} of {len(verification.answers)} known answers")
        for wrong in (answer for answer in verification.answers if answer.found != answer.expected):
            print_plain(f"          {wrong.address}: {wrong.found or 'nothing'}, expected {wrong.expected}")
    for oddity in verification.oddities[:MOST_ODDITIES]:
        print_plain(f"odd       {counted(oddity.networks, 'network')}: {oddity.text}")
    if len(verification.oddities) > MOST_ODDITIES:
        print_plain(f"          and {len(verification.oddities) - MOST_ODDITIES} kinds more")


MOST_ODDITIES = 30
"""A file may have any text for a code, and as many as it has networks."""


def _date(built_at: int | None) -> str:
    if built_at is None:
        return ""
    try:
        return datetime.fromtimestamp(built_at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return f"at {built_at}"  # a file may say anything
