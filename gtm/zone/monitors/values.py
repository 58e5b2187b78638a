"""Values of monitors: header names, secrets, regular expressions, JSON paths, names of parts.

In come plain values of YAML, out go values that cannot be wrong; or errors in our words.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from jsonpointer import JsonPointer, JsonPointerException
from pydantic import GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gtm.config.fields import TEXT_SCHEMA, error, found, pattern_schema, text, text_like
from gtm.zone.monitors.settings import JsonPath as ReadJsonPath
from gtm.zone.monitors.settings import Secret
from gtm.zone.references import Parsed

METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS")

HEADER_NAME_PATTERN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
"""RFC 9110 5.6.2."""

MAX_REGEX_STEPS = 2000
"""The time that RE2 takes grows with the steps and with the body: so no body keeps it busy for more than seconds."""

LISTED_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"
"""What node files call a secret, a certificate or roots. No dot and no slash: no path can be taken for one."""


def _header_text(value: object) -> str | Secret:
    if isinstance(value, dict):
        return _secret(value)
    message = text(value)
    if not re.fullmatch(r"[\t\x20-\x7e]*", message):
        raise error("a header has only printable characters of ASCII (RFC 9110 5.5)")
    return message


def _secret(value: object) -> Secret:
    match value:
        case {"secret": str(name), **rest} if not rest and re.fullmatch(LISTED_PATTERN, name):
            return Secret(name)
        case {"env": _}:
            raise error(f"{_NO_FILE}, and {_there('probe: {secrets: {NAME: {env: VARIABLE}}}')}")
        case {"file": _}:
            raise error(f"{_NO_FILE}, and {_there('probe: {secrets: {NAME: {file: PATH}}}')}")
    # what is there may be the secret itself, which no message may repeat
    raise error("expected {secret: NAME}, which node files list in probe.secrets; never the secret itself")


_NO_FILE = "a zone file reads no file or variable of a node: write {secret: NAME}"


def _there(listed: str) -> str:
    return f"in every probe's node file `{listed}`"


def _listed(key: str, listed: str) -> PlainValidator:
    """Returns the validator of the name of something that node files list."""
    return text_like(LISTED_PATTERN, f"a zone file names no file of a node: write {key}: NAME, and {_there(listed)}")


def _regex(value: object) -> str:
    import re2  # noqa: PLC0415  # two megabytes, which a node without regular expressions does without

    pattern = text(value)
    options = re2.Options()
    options.log_errors = False
    try:
        steps = re2.compile(pattern, options).programsize
    except re2.error as invalid:
        raise error(f"not a regular expression of RE2: {_said(invalid)}") from invalid
    if steps > MAX_REGEX_STEPS:
        raise error(f"too large a regular expression: {steps} steps of RE2, and {MAX_REGEX_STEPS} are the limit")
    return pattern


def _said(invalid: Exception) -> str:
    first = invalid.args[0] if invalid.args else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)


def _json_path(value: object) -> str:
    path = text(value)
    if _is_pointer(path):
        try:
            JsonPointer(path)
        except JsonPointerException as invalid:
            raise error(f"expected ~0 for ~ and ~1 for / in a JSON pointer (RFC 6901), not {found(value)}") from invalid
    elif not re.fullmatch(r"([^.\[\]]+|\[[0-9]{1,5}\])(\.[^.\[\]]+|\[[0-9]{1,5}\])*", path):
        raise error(
            "expected a path in JSON such as status or checks[0].ok, or a pointer such as /checks/0/ok (RFC 6901), "
            f"not {found(value)}"
        )
    return path


def _is_pointer(path: str) -> bool:
    return not path or path.startswith("/")


def json_path(path: str) -> ReadJsonPath:
    """Returns a pointer as it is, and of another path the keys and indexes."""
    if _is_pointer(path):
        return path
    return tuple(
        int(step[1:-1]) if step.startswith("[") else step for step in re.findall(r"[^.\[\]]+|\[[0-9]+\]", path)
    )


def _json_scalar(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise error(f"expected text, a number, true, false or null, not {found(value)}")


def tls_form(value: object) -> object:
    """Returns `tls: true` as what has every default, and `tls: false` as none."""
    if isinstance(value, bool):
        return {} if value else None
    return value


@dataclass(frozen=True, slots=True)
class OrSwitch:
    """Tells editors that true or false may stand for the whole."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Returns the schema that pydantic asks every annotation for."""
        return {"anyOf": [{"type": "boolean"}, handler(schema)]}


_SECRET_SCHEMA: JsonSchemaValue = {
    "type": "object",
    "properties": {"secret": {"type": "string", "pattern": LISTED_PATTERN}},
    "required": ["secret"],
    "additionalProperties": False,
}
HeaderName = Annotated[str, text_like(HEADER_NAME_PATTERN, "expected the name of a header (RFC 9110 5.1)")]
HeaderText = Annotated[
    str | Secret,
    Parsed(lambda value, _info: _header_text(value)),
    WithJsonSchema({"anyOf": [{"type": "string"}, _SECRET_SCHEMA]}),
]
SecretEntry = Annotated[
    Secret,
    Parsed(lambda value, _info: _secret(value)),
    WithJsonSchema(_SECRET_SCHEMA),
]
Regex = Annotated[str, PlainValidator(_regex), TEXT_SCHEMA]
JsonPath = Annotated[str, PlainValidator(_json_path), TEXT_SCHEMA]
JsonScalar = Annotated[str | int | float | bool | None, PlainValidator(_json_scalar), WithJsonSchema({})]
CertificateName = Annotated[
    str,
    _listed("client_certificate", "probe: {certificates: {NAME: {certificate: PATH, key: PATH}}}"),
    pattern_schema(LISTED_PATTERN),
]
AuthorityName = Annotated[str, _listed("ca", "probe: {authorities: {NAME: PATH}}"), pattern_schema(LISTED_PATTERN)]
