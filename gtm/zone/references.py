"""The values of a zone file that refer to something else: regions, monitors, presets, filters, names in the zone.

In come plain values and a Scope, the validation context; out go what they refer to, or pydantic errors in our words.
So a misspelt region is found together with everything else. It must not know of whole files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from dns.name import Name
from pydantic import GetCoreSchemaHandler, PlainValidator, TypeAdapter, ValidationInfo, WithJsonSchema
from pydantic_core import CoreSchema
from pydantic_core.core_schema import with_info_plain_validator_function

from gtm.config.fields import TEXT_SCHEMA, error, found, text
from gtm.config.suggestions import unknown
from gtm.errors import TextInvalid
from gtm.zone.names import target_name
from gtm.zone.steering import Argument, FilterSpec, Steer, Vocabulary


@dataclass(frozen=True, slots=True)
class ReferenceContext:
    """The names that values of a zone file may refer to: the validation context of pydantic."""

    origin: Name
    regions: frozenset[str]
    monitors: frozenset[str]
    vocabulary: Vocabulary


def _relative(value: object, info: ValidationInfo) -> Name:
    try:
        return target_name(text(value), _scope(info).origin)
    except TextInvalid as invalid:
        raise error(str(invalid)) from invalid


RelativeName = Annotated[Name, PlainValidator(_relative), TEXT_SCHEMA]


def _reference(what: str, known: Callable[[ReferenceContext], frozenset[str]]) -> PlainValidator:
    def check(value: object, info: ValidationInfo) -> str:
        name, names = text(value), known(_scope(info))
        if name not in names:
            raise unknown(what, name, names)
        return name

    return PlainValidator(check)


RegionReference = Annotated[str, _reference("region", lambda scope: scope.regions), TEXT_SCHEMA]
MonitorReference = Annotated[str, _reference("monitor", lambda scope: scope.monitors), TEXT_SCHEMA]


def _link(value: object, info: ValidationInfo) -> FilterSpec:
    vocabulary = _scope(info).vocabulary
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        spec = FilterSpec(str(name), _argument(argument))
    elif isinstance(value, str):
        spec = FilterSpec(value)
    else:
        raise error(f"expected a filter such as up or {{first: 2}}, not {found(value)}")
    if spec.name not in vocabulary.filters:
        raise unknown("filter", spec.name, vocabulary.filters)
    objection = vocabulary.objection(spec)
    if objection:
        raise error(f"filter {spec.name} {objection}")
    return spec


def _argument(value: object) -> Argument:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return tuple(_argument(item) for item in value)
        case dict():
            return tuple((str(key), _argument(item)) for key, item in value.items())
    raise error(f"expected a value, not {found(value)}")  # YAML has no other kind


@dataclass(frozen=True, slots=True)
class Parsed:
    """An annotation: `parse` reads the field, and pydantic does not look into its type (Arguments may be nested)."""

    parse: Callable[[object, ValidationInfo], object]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Returns a pydantic schema that only calls `parse`."""
        return with_info_plain_validator_function(self.parse)


Link = Annotated[FilterSpec, Parsed(_link)]
_CHAIN: TypeAdapter[list[FilterSpec]] = TypeAdapter(list[Link])


MAX_FILTERS = 20
"""The most filters of one chain. Each reads all places of the geo data. There are seven kinds, each useful once."""


def _steer(value: object, info: ValidationInfo) -> Steer:
    presets = _scope(info).vocabulary.presets
    if isinstance(value, list) and len(value) > MAX_FILTERS:
        raise error(f"a chain of {len(value)} filters; {MAX_FILTERS} is the limit")
    if isinstance(value, list) and value:
        return Steer(tuple(_CHAIN.validate_python(value, context=info.context)))
    if not isinstance(value, str):
        raise error(f"expected a preset, or a list of filters, not {'an empty list' if value == [] else found(value)}")
    if value not in presets:
        raise unknown("preset", value, presets)
    return Steer(presets[value], value)


Steering = Annotated[Steer, Parsed(_steer), WithJsonSchema({})]


def _scope(info: ValidationInfo) -> ReferenceContext:
    assert isinstance(info.context, ReferenceContext)
    return info.context
