import json
from pathlib import Path

from jsonschema import Draft202012Validator

from tests.cli.command import gtm

SHIPPED = Path(__file__).parents[2] / "zones" / "schema.json"


def test_the_schema_that_is_printed_is_the_one_that_was_shipped() -> None:
    ran = gtm("schema")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == SHIPPED.read_text()


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(json.loads(gtm("schema").out))
