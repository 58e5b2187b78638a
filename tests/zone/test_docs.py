"""zone-file.md and monitors.md of docs/reference/ are true: their YAML parses, and every key and preset is there."""

import re
from pathlib import Path

import pytest

from gtm.config.reader import parse_document
from gtm.steer.vocabulary import STEERING
from gtm.zone.grammar import ZONE_FILE
from gtm.zone.json_schema import zone_schema
from gtm.zone.model import OnAllDown
from gtm.zone.parse import NO_SHARED, parse, parse_shared
from gtm.zone.records_file.parse import MasterFile

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGE = "".join((DOCS / page).read_text() for page in ("zone-file.md", "monitors.md"))
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

FOR_WHAT_IS_LEFT_OUT = {
    "zone": "zone: gtm.example.com\n",
    "nameservers": "nameservers: [ns.example.net]\n",
    "hostmaster": "hostmaster: hostmaster@example.com\n",
    "regions": "regions: {us-east: {}, eu-west: {}, ap-southeast: {}}\n",
    "monitors": "monitors: {api: {type: http}}\n",
}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[snippet.split("\n", 1)[0] for snippet in SNIPPETS])
def test_every_snippet_parses(snippet: str) -> None:
    if snippet.startswith("# zones/_shared.yaml"):
        assert parse_shared(snippet, "zone-file.md").regions
        return
    there = parse_document(snippet, "zone-file.md", ZONE_FILE).root.entries
    missing = [text for key, text in FOR_WHAT_IS_LEFT_OUT.items() if key not in there]
    assert parse("".join(missing) + snippet, "zone-file.md", NO_SHARED, STEERING, records_file_of_the_page).digest


def records_file_of_the_page(name: str) -> MasterFile:
    (text,) = re.findall(r"^```\n(\$TTL.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return MasterFile(name, text.encode())


def test_there_are_snippets_of_every_section() -> None:
    keys = {key for snippet in SNIPPETS for key in parse_document(snippet, "zone-file.md", ZONE_FILE).root.entries}
    top = {"zone", "nameservers", "hostmaster", "regions", "monitors", "services", "records", "ttl", "records_file"}
    assert keys == top | {"safety", "min_healthy", "soa"}


def test_every_key_is_explained() -> None:
    kinds = zone_schema(STEERING)["$defs"]
    assert isinstance(kinds, dict)
    for kind in kinds.values():
        assert isinstance(kind, dict)
        properties = kind["properties"]
        assert isinstance(properties, dict)
        assert [key for key in properties if f"`{key}`" not in PAGE and key != "values"] == []


def test_every_preset_and_its_chain_filter_and_last_answer_is_explained() -> None:
    for preset in STEERING.presets:
        assert f"| `{preset}` |" in PAGE
    for name in STEERING.filters:
        assert re.search(rf"`{name}`|{{{name}: n}}", PAGE)
    for kind in OnAllDown:
        assert f"| `{kind.value}` |" in PAGE


@pytest.mark.parametrize("preset", STEERING.presets)
def test_the_chain_of_a_preset_is_what_the_page_says(preset: str) -> None:
    row = re.search(rf"^\| `{preset}` \| `(\[.*?\])` \|", PAGE, re.MULTILINE)
    assert row is not None
    written = ", ".join(
        spec.name if spec.argument is None else f"{{{spec.name}: {spec.argument}}}" for spec in STEERING.presets[preset]
    )
    assert row[1] == f"[{written}]"
