"""The part `probe` of a node file: the programs, secrets, files and addresses that checks of this node may use."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from gtm.config.entry import Entry
from gtm.config.fields import error, found, text, text_like
from gtm.node.config.values import PathText, Something
from gtm.probe.permits import KeptCertificate, KeptSecret, Permits, ZoneNames
from gtm.probe.targets import AllowedNetwork, Targets, parse_allowed
from gtm.zone.fields import ZoneName
from gtm.zone.monitors.values import LISTED_PATTERN


def _program(value: object) -> str:
    """Returns the absolute path of a program; raises an error for any other value."""
    if not isinstance(value, str) or not value.startswith("/") or value.endswith("/") or "\0" in value:
        raise error(f'expected the absolute path of a program such as "/usr/lib/gtm/check-db", not {found(value)}')
    return value


def _program_item(value: object) -> object:
    """Returns a mapping unchanged, and a path alone as an entry for all zones."""
    return value if isinstance(value, dict) else {"program": _program(value)}  # a path alone is for all zones


def _listed(value: str) -> str:
    """Returns a name that monitors may use; raises an error for other characters or more than 64 of them."""
    if not re.fullmatch(LISTED_PATTERN, value):
        raise error(f'"{value}" cannot be a name here: letters, digits, "_" and "-", at most 64')
    return value


def _allowed(value: object) -> AllowedNetwork:
    """Returns the network or address that checks may reach; raises an error for an invalid one."""
    try:
        return parse_allowed(text(value))
    except ValueError as invalid:
        raise error(str(invalid)) from invalid


_Allowed = Annotated[AllowedNetwork, PlainValidator(_allowed)]
_Listed = Annotated[str, BeforeValidator(_listed)]
_Variable = text_like("[A-Za-z_][A-Za-z0-9_]*", "expected the name of a variable such as API_TOKEN")
_Zones = Annotated[Annotated[list[ZoneName], Field(min_length=1)] | None, Something]


class SecretEntry(Entry):
    """One secret: where it is kept, and whose monitors may use it."""

    file: Annotated[PathText | None, Something] = None
    """File with the secret."""
    env: Annotated[str | None, Something, _Variable] = None
    """Or the environment variable with the secret."""
    zones: _Zones = None
    """Zones whose monitors may use it. Default: all."""

    @model_validator(mode="after")
    def _in_one_place(self) -> Self:
        """Raises an error unless the secret has exactly one of `file` and `env`."""
        if (self.file is None) == (self.env is None):
            raise error("a secret has one of: file, env")
        return self

    def kept(self, name: str, base: Path) -> KeptSecret:
        """Returns the place of the secret `name`: a file or an environment variable.

        `base` is the folder of the node file, for relative paths.
        """
        zones = _names(self.zones)
        if self.file is not None:
            return KeptSecret(name, "file", str(base / self.file), zones)
        return KeptSecret(name, "env", self.env or "", zones)


class CertificateEntry(Entry):
    """One client certificate, with its key, and the zones whose monitors may use it."""

    certificate: PathText
    """File of the client certificate."""
    key: Annotated[PathText | None, Something] = None
    """File of its key. Default: in the file of the certificate."""
    zones: _Zones = None
    """Zones whose monitors may use it. Default: all."""

    def kept(self, base: Path) -> KeptCertificate:
        """Returns the files of the certificate; `base` is the folder of the node file, for relative paths."""
        key = None if self.key is None else base / self.key
        return KeptCertificate(base / self.certificate, key, _names(self.zones))


class ProgramEntry(Entry):
    """One program that checks may run, and whose monitors may have it run."""

    program: Annotated[str, PlainValidator(_program)]
    """Absolute path of the program."""
    zones: _Zones = None
    """Zones whose monitors may run it. Default: all."""


def _listed_once(programs: list[ProgramEntry]) -> list[ProgramEntry]:
    """Returns the programs unchanged; raises an error if one is listed twice."""
    # a second line could undo the zones that the first one sets
    counts = Counter(entry.program for entry in programs)
    for program, count in counts.items():
        if count > 1:
            raise error(f"{program} is listed {count} times; list it once, with all its zones")
    return programs


def _names(zones: "list[ZoneName] | None") -> ZoneNames | None:
    """Returns the names of zones in lower case, without the final dot; None for all zones."""
    return None if zones is None else frozenset(zone.to_text(omit_final_dot=True).lower() for zone in zones)


class ProbeEntry(Entry):
    """What the probe of this node may do, and what checks may use of it; a zone file alone can never add to these."""

    exec: Annotated[list[Annotated[ProgramEntry, BeforeValidator(_program_item)]], AfterValidator(_listed_once)] = (
        Field(default_factory=list)
    )
    """Programs that checks of kind `exec` may run here: absolute paths, or `{program: PATH, zones: [NAME]}`
    (docs/concepts/probes.md#checks-that-need-something-of-a-node).
    """
    secrets: dict[_Listed, SecretEntry] = Field(default_factory=dict)
    """Secrets that monitors may name (docs/concepts/probes.md#what-checks-may-use)."""
    certificates: dict[_Listed, CertificateEntry] = Field(default_factory=dict)
    """Client certificates that monitors may name."""
    authorities: dict[_Listed, PathText] = Field(default_factory=dict)
    """Files of certificate authorities that monitors may name."""
    allow: list[_Allowed] = Field(default_factory=list)
    """Networks and addresses to check although they are refused by default: loopback, metadata and the like
    (docs/concepts/probes.md#where-checks-may-look).
    """

    def permits(self, base: Path) -> Permits:
        """Returns the permits of checks; `base` is the folder of the node file, for relative paths."""
        return Permits(
            {entry.program: _names(entry.zones) for entry in self.exec},
            {name: entry.kept(name, base) for name, entry in self.secrets.items()},
            {name: entry.kept(base) for name, entry in self.certificates.items()},
            {name: base / path for name, path in self.authorities.items()},
            Targets(tuple(self.allow)),
        )

    def private_files(self) -> Mapping[tuple[str, ...], str]:
        """Returns the files of secrets, certificates and private keys for checks, by their keys in the node file."""
        secrets = {("probe", "secrets", name, "file"): entry.file for name, entry in self.secrets.items()}
        certificates = {
            ("probe", "certificates", name, key): file
            for name, entry in self.certificates.items()
            for key, file in (("certificate", entry.certificate), ("key", entry.key))
        }
        return {at: file for at, file in {**secrets, **certificates}.items() if file is not None}
