"""The key `ttl` of a service: a number, or the bounds between which it follows health.

In come plain values, out go seconds or a TtlRange; or errors in our words. gtm/plan/ttl.py chooses a TTL within the
bounds.
"""

from typing import Annotated, NamedTuple

from pydantic import PlainValidator, WithJsonSchema

from gtm.config.fields import error
from gtm.config.suggestions import suggestion
from gtm.zone.fields import ttl, ttl_forms

KEYS = ("max", "min")


class TtlRange(NamedTuple):
    """The longest and the shortest TTL, in seconds, of a service whose TTL follows health."""

    most: int
    least: int


def _service_ttl(value: object) -> int | TtlRange:
    if not isinstance(value, dict):
        return ttl(value)
    for key in value:
        if key not in KEYS:
            raise error(f'unknown key "{key}"{suggestion(str(key), KEYS) or "; ttl has max and min"}')
    for key in KEYS:
        if key not in value:
            raise error(f'missing key "{key}": a ttl that follows health is {{max: 300, min: 30}}')
    bounds = TtlRange(ttl(value["max"]), ttl(value["min"]))
    if bounds.least > bounds.most:
        raise error(f"the min of the ttl ({bounds.least} s) is longer than its max ({bounds.most} s)")
    return bounds


_PLAIN = ttl_forms()
_RANGE = {
    "type": "object",
    "properties": {
        "max": {"description": "The longest TTL: 300 or 5m", "oneOf": _PLAIN},
        "min": {"description": "The shortest TTL: 30", "oneOf": _PLAIN},
    },
    "required": ["max", "min"],
    "additionalProperties": False,
}
ServiceTtl = Annotated[int | TtlRange, PlainValidator(_service_ttl), WithJsonSchema({"oneOf": [*_PLAIN, _RANGE]})]
