"""Small geo databases, made in milliseconds."""

from collections.abc import Mapping
from pathlib import Path

import mmdb_writer
import netaddr

Record = Mapping[str, object]


def write_database(path: Path, records: Mapping[str, Record], *, type_: str = "Test-City", ip_version: int = 6) -> Path:
    """Writes an .mmdb file of CIDR -> record, in which a later record covers an earlier one, and returns its path."""
    writer = mmdb_writer.MMDBWriter(
        ip_version, type_, languages=["en"], description="for tests", ipv4_compatible=ip_version == 6
    )
    for cidr, record in records.items():
        writer.insert_network(netaddr.IPSet([cidr]), dict(record))
    writer.to_db_file(str(path))
    return path


def city(
    country: str, *, at: tuple[float, float] | None = None, subdivision: str = "", continent: str = "", name: str = ""
) -> Record:
    """Returns a record of the City schema."""
    record: dict[str, object] = {"country": {"iso_code": country}}
    if at is not None:
        record["location"] = {"latitude": at[0], "longitude": at[1]}
    if subdivision:
        record["subdivisions"] = [{"iso_code": subdivision}]
    if continent:
        record["continent"] = {"code": continent}
    if name:
        record["city"] = {"names": {"en": name}}
    return record


def asn(number: int, organization: str = "") -> Record:
    """Returns a record of the ASN schema."""
    return {"autonomous_system_number": number, "autonomous_system_organization": organization}
