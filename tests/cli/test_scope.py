import asyncio
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gtm.admin.views import NodeStatus
from gtm.cli.scope import find_scope
from tests.admin.served import Served
from tests.fakes import world

ONE = f"""{world.HEAD}
services:
  api:
    steer: nearest
    endpoints:
      - {{region: us-east, address: 192.0.2.10}}
      - {{region: eu-west, address: 192.0.2.20}}
  "@":
    steer: nearest
    endpoints: [{{region: us-east, address: 192.0.2.10}}]
  cdn:
    steer: nearest
    endpoints: [{{region: us-east, target: Lb.example.net.}}]
records:{world.NS1}
"""
TWO = ONE.replace("zone: gtm.example.com", "zone: other.example").replace("us-east", "us-west")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeStatus:
    return status(tmp_path_factory.mktemp("one"), ONE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> NodeStatus:
    return status(tmp_path_factory.mktemp("two"), ONE, TWO)


def status(folder: Path, *zones: str) -> NodeStatus:
    """What a node with these zones shows."""
    served = Served(folder)
    for number, text in enumerate(zones):
        (served.folder / f"{number}.yaml").write_text(text)
    asyncio.run(served.river.load())
    return TypeAdapter(NodeStatus).validate_json(served.subject.status_json())


@pytest.mark.parametrize(
    ("typed", "scope"),
    [
        ("eu-west", "region gtm.example.com/eu-west"),
        ("gtm.example.com/eu-west", "region gtm.example.com/eu-west"),
        ("api", "service api.gtm.example.com"),
        ("API.gtm.example.com.", "service api.gtm.example.com"),
        ("api/eu-west/192.0.2.20", "endpoint api.gtm.example.com eu-west/192.0.2.20"),
        ("api.gtm.example.com/eu-west/192.0.2.20", "endpoint api.gtm.example.com eu-west/192.0.2.20"),
        ("192.0.2.20", "endpoint api.gtm.example.com eu-west/192.0.2.20"),
        ("eu-west/192.0.2.20", "endpoint api.gtm.example.com eu-west/192.0.2.20"),
        ("lb.example.net", "endpoint cdn.gtm.example.com us-east/Lb.example.net"),
        ("region */eu-west", "region */eu-west"),
        ("zone gtm.example.com", "zone gtm.example.com"),
        ("service gtm.example.com", "service gtm.example.com"),
        ("service not.here", "service not.here"),
    ],
)
def test_what_people_type_is_found(node: NodeStatus, typed: str, scope: str) -> None:
    assert str(find_scope(typed, node)) == scope


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("eu-wst", '"eu-wst" is no endpoint, region, service or zone of ns1; did you mean "eu-west"?'),
        ("nothing like it", '"nothing like it" is no endpoint, region, service or zone of ns1'),
        (
            "gtm.example.com",
            '"gtm.example.com" could mean "zone gtm.example.com", "service gtm.example.com"; say which',
        ),
        (
            "192.0.2.10",
            (
                '"192.0.2.10" could mean "endpoint api.gtm.example.com us-east/192.0.2.10", '
                '"endpoint gtm.example.com us-east/192.0.2.10"; say which'
            ),
        ),
    ],
)
def test_what_is_unknown_or_unclear_is_refused_in_full(node: NodeStatus, typed: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"say which|is no endpoint") as refused:
        find_scope(typed, node)
    assert str(refused.value) == words


def test_a_region_of_several_zones_can_be_meant_in_all(two: NodeStatus) -> None:
    with pytest.raises(ValueError, match="could mean") as refused:
        find_scope("eu-west", two)
    assert str(refused.value) == (
        '"eu-west" could mean "region */eu-west", "region gtm.example.com/eu-west", "region other.example/eu-west"; '
        "say which"
    )
    assert str(find_scope("us-west", two)) == "region other.example/us-west"
