"""A folder with a node file, a zone and a few known networks, which is the working folder of the test."""

from pathlib import Path

import pytest

from tests.node.present import SMALL

NETWORKS = """networks:
  10.1.0.0/16: {country: US, at: [38.95, -77.45]}
  10.2.0.0/16: {country: IE, at: [53.35, -6.26], city: Dublin, asn: 64500, organization: Example, tags: [office]}
"""
NODE = """node: ns1
listen: {dns: ["127.0.0.1:0"], admin: "127.0.0.1:0"}
geo: {databases: [], networks: networks.yaml}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "a.yaml").write_text(SMALL)
    (tmp_path / "networks.yaml").write_text(NETWORKS)
    (tmp_path / "gtm.yaml").write_text(NODE)
    monkeypatch.chdir(tmp_path)
    return tmp_path
