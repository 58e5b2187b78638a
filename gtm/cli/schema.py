"""`gtm schema`: the JSON Schema of zone files, for editors."""

import json

from gtm.cli.console import print_json
from gtm.counters import Counters
from gtm.node.plugins.filters import vocabulary
from gtm.zone.json_schema import zone_schema


def schema() -> None:
    """Print the JSON Schema of zone files, for editors and other tools."""
    print_json(json.dumps(zone_schema(vocabulary(Counters())), indent=2, ensure_ascii=False))
