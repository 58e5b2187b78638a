"""The zone file and the shared file as pydantic models: one class for each kind of mapping, one field for each key.

In come plain values of YAML and a Scope, out go these entries; or a ValidationError with every mistake and the path
to it, which gtm/config/messages.py turns into problems. Descriptions become the JSON Schema that editors show. What
no single entry can tell (two records that clash, a missing address) is not here but in gtm/zone/rules/names.py.
"""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gtm.config.entry import Entry
from gtm.config.fields import Text, choice, enum_schema, error, text_like, whole, whole_schema
from gtm.geo.countries import CONTINENTS
from gtm.zone import fields, references
from gtm.zone.model import DEFAULT_WEIGHT, MAX_WEIGHT, HealthView, OnAllDown
from gtm.zone.monitors.schema import MonitorEntry
from gtm.zone.safety import MinHealthy, SafetyEntry
from gtm.zone.soa_schema import SoaEntry
from gtm.zone.ttl import ServiceTtl

DEFAULT_TTL_S = 60


class RegionEntry(Entry):
    """A place endpoints run in."""

    at: Annotated[
        fields.At, Field(description="[latitude, longitude] in degrees; or auto: where its endpoints are")
    ] = None
    country: Annotated[
        str,
        text_like("[A-Z]{2}", "expected a country of ISO 3166-1 in two capitals, such as IE"),
        fields.pattern_schema("^[A-Z]{2}$"),
        Field(description="The country, in two capitals (ISO 3166-1): IE"),
    ] = ""
    continent: Annotated[
        str,
        choice("continent", {name: name for name in sorted(CONTINENTS)}),
        enum_schema(sorted(CONTINENTS)),
        Field(description="The continent: AF AN AS EU NA OC SA"),
    ] = ""
    bias: Annotated[
        int,
        whole(-99, 99),
        whole_schema(-99, 99),
        Field(description="-99..99: positive draws clients from farther away, negative pushes them off"),
    ] = 0
    enabled: Annotated[
        bool,
        Field(description="Whether its endpoints are used; with false they are neither checked nor answered"),
    ] = True


class EndpointEntry(Entry):
    """One address or target name that serves a service, in a region."""

    region: Annotated[references.RegionReference, Field(description="One of the regions, own or shared")]
    address: Annotated[
        fields.EndpointAddress | None, Field(description="An IPv4 or IPv6 address: answers A or AAAA")
    ] = None
    target: Annotated[
        references.RelativeName | None,
        Field(description="A host name: answers CNAME; without final dot it is in the zone"),
    ] = None
    weight: Annotated[
        int,
        whole(0, MAX_WEIGHT),
        whole_schema(0, MAX_WEIGHT),
        Field(description="Its share among its equals; 0 stands by until all others are down"),
    ] = DEFAULT_WEIGHT
    priority: Annotated[
        int | None,
        whole(0, 65535),
        whole_schema(0, 65535),
        Field(description="Lower is preferred by failover; by default the order in which the regions first appear"),
    ] = None
    last_resort: Annotated[bool, Field(description="Kept back until all others are down")] = False
    enabled: Annotated[
        bool, Field(description="Whether it is used; with false it is neither checked, answered nor counted")
    ] = True

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if self.address is None and self.target is None:
            raise error("an endpoint needs an address or a target")
        if self.address is not None and self.target is not None:
            raise error("an endpoint has an address or a target, not both")
        return self


class ServiceEntry(Entry):
    """A name whose answer is steered."""

    ttl: Annotated[
        ServiceTtl | None,
        Field(description="TTL of its answers: 30 or 5m, or {max: 300, min: 30}; the zone's when left out"),
    ] = None
    ttl_degraded: Annotated[
        fields.Ttl | None,
        Field(description="TTL while not all is well; half of ttl when left out, but 5 s at least"),
    ] = None
    monitor: Annotated[
        references.MonitorReference | None,
        Field(description="The monitor of its endpoints; without one they count as up"),
    ] = None
    steer: Annotated[references.Steering, Field(description="A preset such as nearest, or a list of filters")]
    endpoints: Annotated[list[EndpointEntry], Field(min_length=1, description="Who serves it")]
    on_all_down: Annotated[
        OnAllDown,
        choice("on_all_down", {kind.value: kind for kind in OnAllDown}),
        enum_schema([kind.value for kind in OnAllDown]),
        Field(description="What is answered when every endpoint is down"),
    ] = OnAllDown.SERVE_ALL
    safety: Annotated[SafetyEntry, Field(description="What automatics may not do; else as the zone says")] = Field(
        default_factory=SafetyEntry
    )
    min_healthy: MinHealthy = {}
    health_view: Annotated[
        HealthView,
        choice("health_view", {kind.value: kind for kind in HealthView}),
        enum_schema([kind.value for kind in HealthView]),
        Field(description="Whether what the probes of one place see down is left out for the clients near them"),
    ] = HealthView.LOCAL
    enabled: Annotated[
        bool, Field(description="Whether it is used; with false its answers are empty, and nothing of it is checked")
    ] = True


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _as_values(value: object) -> object:
    return value if isinstance(value, dict) else {"values": value}


@dataclass(frozen=True, slots=True)
class ShortForm:
    """An annotation for the JSON Schema: text, or a list of texts, may be written instead of the whole form."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the JSON Schema of the field: text, a list of texts unless the field is one, or the whole form."""
        whole_form = handler(schema)
        forms = [] if whole_form.get("type") == "array" else [{"type": "array", "minItems": 1, "items": _STRING}]
        return {"anyOf": [_STRING, *forms, whole_form]}


_STRING: JsonSchemaValue = {"type": "string"}
Values = Annotated[list[Text], Field(min_length=1), BeforeValidator(_as_list), ShortForm()]


class RecordEntry(Entry):
    """The values of one name and type."""

    ttl: Annotated[fields.Ttl | None, Field(description="TTL of this record; the zone's when left out")] = None
    values: Annotated[Values, Field(description="One value or a list, in presentation format")]


Record = Annotated[RecordEntry, BeforeValidator(_as_values), ShortForm()]
_NAMED: JsonDict = {"propertyNames": {"pattern": fields.LABEL_PATTERN}}
Regions = Annotated[
    dict[fields.Key, RegionEntry], Field(description="Places endpoints run in, by name", json_schema_extra=_NAMED)
]
Monitors = Annotated[
    dict[fields.Key, MonitorEntry], Field(description="How endpoints are checked, by name", json_schema_extra=_NAMED)
]


class ZoneEntry(Entry):
    """What is delegated to this server: one zone file."""

    zone: Annotated[fields.ZoneName, Field(description="The name of the zone: gtm.example.com")]
    ttl: Annotated[fields.Ttl, Field(description="Default TTL of records and services: 60 or 5m")] = DEFAULT_TTL_S
    nameservers: Annotated[
        list[fields.HostName], Field(min_length=1, description="The zone's servers, as absolute names; become its NS")
    ]
    hostmaster: Annotated[fields.Mailbox, Field(description="The mailbox of who runs the zone; goes into its SOA")]
    soa: Annotated[SoaEntry, Field(description="Times of its SOA, and how long negative answers are cached")] = Field(
        default_factory=SoaEntry
    )
    regions: Regions = {}
    monitors: Monitors = {}
    safety: Annotated[SafetyEntry, Field(description="What automatics may not do to its services")] = Field(
        default_factory=SafetyEntry
    )
    min_healthy: MinHealthy = {}
    services: Annotated[
        dict[Text, ServiceEntry], Field(description="Names whose answers are steered; @ is the zone itself")
    ] = {}
    records: Annotated[
        dict[Text, Annotated[dict[Text, Record], Field(min_length=1)]],
        Field(description="Everything else, by name and type, in presentation format; @ is the zone itself"),
    ] = {}
    records_file: Annotated[
        fields.RecordsFile,
        Field(description="A file beside this one, or below, with more records, a master file (RFC 1035 5): big.zone"),
    ] = ""


class SharedEntry(Entry):
    """Regions and monitors for all zones of the folder: zones/_shared.yaml."""

    regions: Regions = {}
    monitors: Monitors = {}
