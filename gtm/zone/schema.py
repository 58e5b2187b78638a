"""The zone file and the shared file as pydantic models: one class for each kind of mapping, one field for each key.

In come plain values of YAML and a Scope, out go these entries; or a ValidationError with every mistake and the path
to it, which gtm/zone/words.py turns into problems. Descriptions become the JSON Schema that editors show. What
no single entry can tell (two records that clash, a missing address) is not here but in gtm/zone/rules.py.
"""

from dataclasses import dataclass
from typing import Annotated, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gtm.zone import fields, hysteresis, references
from gtm.zone.fields import error, text_like, whole, whole_schema
from gtm.zone.model import DEFAULT_WEIGHT, MAX_WEIGHT, MonitorType, OnAllDown
from gtm.zone.ttl import ServiceTtl

DEFAULT_TTL_S = 60
DEFAULT_PORTS = {MonitorType.HTTP: 80, MonitorType.HTTPS: 443}
DEFAULT_TIMEOUT_S = 2.0
MAX_COUNT = 100
"""Of fall and rise: more readings than that is hours of delay, and surely a slip."""


Value = TypeVar("Value")


class Entry(BaseModel):
    """A mapping of the file: unknown keys are errors, and nothing is converted on the quiet."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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
        fields.choice("continent", {name: name for name in fields.CONTINENTS}),
        fields.enum_schema(fields.CONTINENTS),
        Field(description="The continent: AF AN AS EU NA OC SA"),
    ] = ""
    bias: Annotated[
        int,
        whole(-99, 99),
        whole_schema(-99, 99),
        Field(description="-99..99: positive draws clients from farther away, negative pushes them off"),
    ] = 0


class ExpectEntry(Entry):
    """What makes an HTTP answer good."""

    status: Annotated[
        list[fields.Statuses], Field(min_length=1, description='The good statuses: [200, 204, "300-399"]; 200-299')
    ] = Field(default_factory=lambda: [(200, 299)])
    body: Annotated[str, BeforeValidator(fields.text), Field(description="Text that the body must have")] = ""


class MonitorEntry(Entry):
    """How an endpoint is checked."""

    type: Annotated[
        MonitorType,
        fields.choice("monitor type", {kind.value: kind for kind in MonitorType}),
        fields.enum_schema([kind.value for kind in MonitorType]),
        Field(description="http, https (verifies the certificate) or tcp (connects)"),
    ]
    port: Annotated[
        int | None,
        whole(1, 65535),
        whole_schema(1, 65535),
        Field(description="The TCP port; 80 for http and 443 for https when left out"),
    ] = None
    path: Annotated[
        str,
        text_like(fields.PATH_PATTERN, "expected a path that starts with / and has no spaces"),
        fields.pattern_schema(fields.PATH_PATTERN),
        Field(description="What to ask for"),
    ] = "/"
    host: Annotated[
        str,
        text_like(fields.HOST_PATTERN, "expected the absolute name of a host"),
        fields.pattern_schema(fields.HOST_PATTERN),
        Field(description="Host header, and for https the name the certificate must have"),
    ] = ""
    expect: Annotated[ExpectEntry, Field(description="What makes an answer good")] = Field(default_factory=ExpectEntry)
    interval: Annotated[fields.Interval, Field(description="Between two checks: 100ms to 1h")] = 5.0
    timeout: Annotated[
        fields.Timeout | None,
        Field(description="For one check, the connection included; not longer than interval. 2s, or interval if less"),
    ] = None
    fall: Annotated[
        int,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="Bad readings in a row that take an endpoint down"),
    ] = 3
    rise: Annotated[
        int,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="Good readings in a row that bring an endpoint back"),
    ] = 5
    window: Annotated[
        hysteresis.Window | None,
        Field(description="So many bad readings of the last ones take an endpoint down too: 6 of 10; or none"),
    ] = None
    recheck: Annotated[
        hysteresis.Recheck | None,
        Field(description="After a bad reading, until the endpoint is well again or down; or none. 1s, or interval"),
    ] = None
    failback_delay: Annotated[
        hysteresis.FailbackDelay, Field(description="An endpoint that went down stays down for so long: 0s to 24h")
    ] = hysteresis.DEFAULT_FAILBACK_DELAY_S
    damping: Annotated[
        bool, Field(description="Whether an endpoint that goes up and down takes longer and longer to come back")
    ] = True

    @field_validator("path", "host", "expect")
    @classmethod
    def _only_of_http(cls, value: Value, info: ValidationInfo) -> Value:
        if info.data.get("type") is MonitorType.TCP:
            raise error(f"a tcp monitor only connects; {info.field_name} is for http and https")
        return value

    @field_validator("timeout")
    @classmethod
    def _within_interval(cls, timeout_s: float | None, info: ValidationInfo) -> float | None:
        interval_s = info.data.get("interval")
        if timeout_s is not None and interval_s is not None and timeout_s > interval_s:
            raise error(f"the timeout ({timeout_s:g} s) is longer than the interval ({interval_s:g} s)")
        return timeout_s

    @field_validator("recheck")
    @classmethod
    def _no_later_than_the_round(cls, recheck_s: float | str | None, info: ValidationInfo) -> float | str | None:
        interval_s = info.data.get("interval")
        if isinstance(recheck_s, float) and interval_s is not None and recheck_s > interval_s:
            raise error(f"the recheck ({recheck_s:g} s) is longer than the interval ({interval_s:g} s)")
        return recheck_s

    @model_validator(mode="after")
    def _tcp_has_no_default_port(self) -> Self:
        if self.type is MonitorType.TCP and self.port is None:
            raise error('missing key "port": a tcp monitor has no default one')
        return self


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
        fields.choice("on_all_down", {kind.value: kind for kind in OnAllDown}),
        fields.enum_schema([kind.value for kind in OnAllDown]),
        Field(description="What is answered when every endpoint is down"),
    ] = OnAllDown.SERVE_ALL


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _as_values(value: object) -> object:
    return value if isinstance(value, dict) else {"values": value}


@dataclass(frozen=True, slots=True)
class ShortForm:
    """Tells editors that text, or a list of it, may stand for the whole."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the schema that pydantic asks every annotation for."""
        whole_form = handler(schema)
        forms = [] if whole_form.get("type") == "array" else [{"type": "array", "minItems": 1, "items": _STRING}]
        return {"anyOf": [_STRING, *forms, whole_form]}


_STRING: JsonSchemaValue = {"type": "string"}
Values = Annotated[list[fields.Text], Field(min_length=1), BeforeValidator(_as_list), ShortForm()]


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
    regions: Regions = {}
    monitors: Monitors = {}
    services: Annotated[
        dict[fields.Text, ServiceEntry], Field(description="Names whose answers are steered; @ is the zone itself")
    ] = {}
    records: Annotated[
        dict[fields.Text, Annotated[dict[fields.Text, Record], Field(min_length=1)]],
        Field(description="Everything else, by name and type, in presentation format; @ is the zone itself"),
    ] = {}


class SharedEntry(Entry):
    """Regions and monitors for all zones of the folder: zones/_shared.yaml."""

    regions: Regions = {}
    monitors: Monitors = {}
