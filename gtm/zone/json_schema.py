"""The zone file as JSON Schema, for editors: completion, descriptions, and red lines while typing.

In comes the vocabulary, out goes the schema (draft 2020-12) as a value to dump. It is made from the models that
validate, so the two cannot drift apart; it must not be stricter than they are. What only a whole zone can tell is
left to `gtm check`.
"""

from pydantic.json_schema import models_json_schema

from gtm.config.document import Plain
from gtm.zone.schema import SharedEntry, ZoneEntry
from gtm.zone.steering import Vocabulary

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def zone_schema(vocabulary: Vocabulary) -> dict[str, Plain]:
    """Returns the JSON Schema of zone files, and of the shared file beside them."""
    _, document = models_json_schema([(ZoneEntry, "validation"), (SharedEntry, "validation")])
    kinds: dict[str, dict[str, Plain]] = {
        name: _tidy(kind) for name, kind in document["$defs"].items() if "properties" in kind
    }
    steer = _properties(kinds["ServiceEntry"])["steer"]
    assert isinstance(steer, dict)
    steer |= _steer(vocabulary)
    return {
        "$schema": DIALECT,
        "title": "A zone file of gtm",
        "description": "One zone: regions, monitors, services and records; see docs/reference/zone-file.md.",
        # The shared file is the one without any of the keys that make a zone.
        "if": {"anyOf": [{"required": [key]} for key in ("zone", "nameservers", "hostmaster", "services", "records")]},
        "then": {"$ref": "#/$defs/ZoneEntry"},
        "else": {"$ref": "#/$defs/SharedEntry"},
        "$defs": {**kinds},
    }


def _steer(vocabulary: Vocabulary) -> dict[str, Plain]:
    names: list[Plain] = [*sorted(vocabulary.filters)]
    with_argument: Plain = {
        "type": "object",
        "propertyNames": {"enum": names},
        "minProperties": 1,
        "maxProperties": 1,
    }
    presets: list[Plain] = [*sorted(vocabulary.presets)]
    chain: Plain = {"type": "array", "minItems": 1, "items": {"anyOf": [{"enum": names}, with_argument]}}
    return {"anyOf": [{"enum": presets}, chain]}


def _tidy(kind: dict[str, Plain]) -> dict[str, Plain]:
    """Returns a schema without pydantic's titles, and without None as a default or a type: no file can have it."""
    tidied: dict[str, Plain] = {}
    for key, value in kind.items():
        if key == "title" or (key == "default" and not _is_as_typed(value)):
            continue
        if key == "properties" and isinstance(value, dict):
            tidied[key] = {name: _tidied(each) for name, each in value.items()}
        else:
            tidied[key] = _tidied(value)
    forms = tidied.get("anyOf")
    if isinstance(forms, list) and {"type": "null"} in forms:
        forms.remove({"type": "null"})
    if isinstance(forms, list) and len(forms) == 1 and isinstance(forms[0], dict):
        tidied = {**forms[0], **{key: value for key, value in tidied.items() if key != "anyOf"}}
    return tidied


def _tidied(value: Plain) -> Plain:
    if isinstance(value, list):
        return [_tidied(each) for each in value]
    return _tidy(value) if isinstance(value, dict) else value


def _is_as_typed(default: Plain) -> bool:
    """Returns whether a default is written in a file as it is here; a duration is not: it is a number here."""
    return isinstance(default, str | int) and default != ""


def _properties(kind: dict[str, Plain]) -> dict[str, Plain]:
    properties = kind["properties"]
    assert isinstance(properties, dict)
    return properties
