import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gtm.config.document import plain
from gtm.config.reader import parse_document
from gtm.steer.vocabulary import STEERING
from gtm.zone.grammar import ZONE_FILE
from gtm.zone.json_schema import zone_schema

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "zones").glob("*.yaml"))
GOOD = sorted((ROOT / "tests/data/zones/good").glob("*.yaml"))
SCHEMA = Draft202012Validator(zone_schema(STEERING))

TOLD_BY_SCHEMA = [
    "unknown-top-key",
    "missing-hostmaster",
    "no-nameservers",
    "empty-section",
    "ttl-bad",
    "ttl-negative",
    "ttl-too-large",
    "region-latitude",
    "region-at-one-number",
    "region-country",
    "region-continent",
    "region-bias",
    "region-name",
    "region-unknown-key",
    "monitor-type",
    "monitor-without-type",
    "monitor-unknown-key",
    "monitor-port",
    "monitor-path",
    "monitor-host",
    "monitor-interval-without-unit",
    "monitor-fall",
    "monitor-status",
    "monitor-body",
    "monitor-tcp-without-port",
    "monitor-tcp-with-path",
    "monitor-key-of-another-kind",
    "monitor-headers-number",
    "monitor-expect-unknown-key",
    "monitor-method",
    "monitor-tls-key",
    "monitor-tls-version",
    "monitor-tls-old-version",
    "monitor-tls-ciphers",
    "monitor-tls-empty",
    "monitor-dns-without-name",
    "monitor-push-token-in-the-file",
    "calculated-with-fall",
    "service-unknown-key",
    "service-ttl-without-min",
    "service-ttl-unknown-key",
    "service-unknown-preset",
    "service-without-steer",
    "service-unknown-filter",
    "service-empty-chain",
    "service-without-endpoints",
    "service-on-all-down",
    "endpoint-without-region",
    "endpoint-weight",
    "endpoint-weight-text",
    "endpoint-last-resort-text",
    "record-number-not-text",
    "record-empty-name",
    "record-unknown-key",
]


def values(path: Path) -> object:
    return plain(parse_document(path.read_text(), path.name, ZONE_FILE).root)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(zone_schema(STEERING))


def test_the_published_file_is_what_the_code_makes() -> None:
    published = (ROOT / "zones/schema.json").read_text()
    assert published == json.dumps(zone_schema(STEERING), indent=2) + "\n", (
        "write it again: gtm schema > zones/schema.json"
    )


@pytest.mark.parametrize("path", [*SHIPPED, *GOOD], ids=lambda path: path.stem)
def test_good_files_fit_it(path: Path) -> None:
    assert [error.message for error in SCHEMA.iter_errors(values(path))] == []


@pytest.mark.parametrize("name", TOLD_BY_SCHEMA)
def test_mistakes_that_an_editor_can_see_do_not_fit_it(name: str) -> None:
    (path,) = (ROOT / "tests/data/zones/bad").glob(f"???-{name}.yaml")
    assert not SCHEMA.is_valid(values(path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_tell_editors_of_it(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_tls_may_be_a_switch_or_what_it_must_be_like() -> None:
    schema = SCHEMA.evolve(schema={"$ref": "#/$defs/MonitorEntry", "$defs": zone_schema(STEERING)["$defs"]})
    for tls in (True, False, {"min_days": 14}):
        assert schema.is_valid({"type": "tcp", "port": 443, "tls": tls})
    assert not schema.is_valid({"type": "tcp", "port": 443, "tls": "yes"})


def test_every_key_has_a_description() -> None:
    kinds = zone_schema(STEERING)["$defs"]
    assert isinstance(kinds, dict)
    for kind in kinds.values():
        assert isinstance(kind, dict)
        properties = kind["properties"]
        assert isinstance(properties, dict)
        assert [
            key for key, each in properties.items() if not (isinstance(each, dict) and each.get("description"))
        ] == []


def test_nothing_may_be_null() -> None:
    assert '"null"' not in json.dumps(zone_schema(STEERING))
