"""docs/reference/node-file.md is true: its example is a node file, and it has every key."""

import re
from pathlib import Path

from pydantic import BaseModel

from gtm.node.config.parse import parse_node_file
from gtm.node.config.schema import NodeEntry

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "node-file.md").read_text(encoding="utf-8")


def test_the_example_is_a_node_file(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    config = parse_node_file(example, "gtm.yaml", tmp_path, "host")
    assert config.node == "ns1-fra"
    assert [peer.node for peer in config.peers] == ["probe-iad"]


def test_every_key_at_the_top_is_there() -> None:
    for name, field in NodeEntry.model_fields.items():
        is_part = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        assert (f"`{name}." if is_part else f"`{name}`") in PAGE
