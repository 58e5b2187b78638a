"""The key `tls` of the kinds that may use TLS: what it may say, and the settings that it becomes."""

from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from gtm.config.entry import Entry
from gtm.config.fields import choice, enum_schema, error, pattern_schema, text_like, whole, whole_schema
from gtm.zone import fields
from gtm.zone.monitors import values as own
from gtm.zone.monitors.settings import TlsSettings

LEGACY = "legacy"
OLD_VERSIONS = ("1.0", "1.1")
"""Of TLS; RFC 8996 deprecates them."""


def _legacy_for_old_versions(schema: JsonDict) -> None:
    """Tells editors what an old version of TLS needs."""
    schema["if"] = {"properties": {"min_version": {"enum": [*OLD_VERSIONS]}}, "required": ["min_version"]}
    schema["then"] = {"properties": {"ciphers": {"const": LEGACY}}, "required": ["ciphers"]}


class TlsEntry(Entry):
    """What the TLS of an endpoint must be like."""

    model_config = ConfigDict(json_schema_extra=_legacy_for_old_versions)

    verify: Annotated[bool, Field(description="Whether to verify the certificate's chain and name")] = True
    strict: Annotated[
        bool, Field(description="Whether to refuse certificates that stray from RFC 5280, though clients take them")
    ] = False
    common_name: Annotated[
        bool, Field(description="Whether its common name counts where its subjectAltName has no host (RFC 9525: no)")
    ] = False
    min_version: Annotated[
        str,
        choice("TLS version", {version: version for version in (*OLD_VERSIONS, "1.2", "1.3")}),
        enum_schema([*OLD_VERSIONS, "1.2", "1.3"]),
        Field(description="The version that the endpoint must speak at least; below 1.2 needs `ciphers: legacy`"),
    ] = "1.2"
    ciphers: Annotated[
        str,
        choice("set of ciphers", {name: name for name in ("modern", LEGACY)}),
        enum_schema(["modern", LEGACY]),
        Field(description="legacy takes RSA key exchange, CBC with SHA-1, short keys and old signatures, too"),
    ] = "modern"
    min_days: Annotated[
        int, whole(0, 3650), whole_schema(0, 3650), Field(description="Days that its certificate must be valid for yet")
    ] = 0
    server_name: Annotated[
        str,
        text_like(fields.HOST_PATTERN, "expected the absolute name of a host"),
        pattern_schema(fields.HOST_PATTERN),
        Field(description="SNI, and the name the certificate must have; the host when left out"),
    ] = ""
    client_certificate: Annotated[
        own.CertificateName, Field(description="What to show, by its name in probe.certificates of node files")
    ] = ""
    ca: Annotated[
        own.AuthorityName,
        Field(description="Roots to trust beside the system's, by their name in probe.authorities of node files"),
    ] = ""

    @model_validator(mode="after")
    def _old_versions_with_their_ciphers(self) -> Self:
        if self.min_version in OLD_VERSIONS and self.ciphers != LEGACY:
            raise error(f'min_version "{self.min_version}" needs `ciphers: legacy`: TLS before 1.2 has no others')
        return self


TlsKey = Annotated[
    TlsEntry | None,
    BeforeValidator(own.tls_form),
    own.OrSwitch(),
    Field(description="true, false, or what TLS must be like"),
]
"""What a kind has as `tls: TlsKey = None`."""


def refuses_tls(entry: Entry, tls: TlsEntry | None) -> bool:
    """Returns whether the file says `tls: false`."""
    return tls is None and "tls" in entry.model_fields_set


def tls_settings(entry: TlsEntry | None) -> TlsSettings | None:
    """Returns the settings of an entry; None where the file asks for no TLS."""
    if entry is None:
        return None
    return TlsSettings(
        entry.verify,
        entry.min_version,
        entry.min_days,
        entry.server_name.removesuffix("."),
        entry.client_certificate,
        entry.ca,
        strict=entry.strict,
        takes_common_name=entry.common_name,
        takes_legacy_ciphers=entry.ciphers == LEGACY,
    )
