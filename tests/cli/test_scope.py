import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from gtm.admin.override_view import OverrideView
from gtm.admin.views import NodeStatus
from gtm.cli.scope import find_said, find_scope
from gtm.ids import NodeName
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


def status(folder: Path, *zones: str, shared: str = "") -> NodeStatus:
    """What a node with these zones shows."""
    served = Served(folder)
    if shared:
        (served.folder / "_shared.yaml").write_text(shared)
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


REGIONS = {"us-east": {"at": [38.95, -77.45]}, "eu-west": {"at": [53.35, -6.26]}, "solo": {"at": [1.0, 2.0]}}
SHARED = yaml.safe_dump({"regions": REGIONS})


def borrowing(zone: str, *regions: str, own: tuple[str, ...] = (), service: str = "api") -> str:
    """A zone with an endpoint in each of these regions, of which some are its own and the others the shared file's."""
    head = {"zone": zone, "ttl": 60, "nameservers": ["ns.example.net"], "hostmaster": "hostmaster@example.com"}
    ends = [{"region": region, "address": f"192.0.2.{number}"} for number, region in enumerate(regions, 1)]
    services = {service: {"steer": "nearest", "endpoints": ends}}
    return yaml.safe_dump({**head, "regions": {name: REGIONS[name] for name in own}, "services": services})


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> NodeStatus:
    """Three zones: us-east is shared by two and the third one's own, eu-west is shared by all of them."""
    return status(
        tmp_path_factory.mktemp("sharing"),
        borrowing("a.test", "us-east", "eu-west"),
        borrowing("b.test", "us-east", "eu-west", "solo"),
        borrowing("c.test", "us-east", "eu-west", own=("us-east",), service="eu-west"),
        shared=SHARED,
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> NodeStatus:
    """Two zones, whose regions are the shared file's."""
    zones = (borrowing("a.test", "us-east", "eu-west"), borrowing("b.test", "us-east", "eu-west", "solo"))
    return status(tmp_path_factory.mktemp("shared"), *zones, shared=SHARED)


@pytest.mark.parametrize(
    ("typed", "scope"),
    [
        ("us-east", "region */us-east"),
        ("US-East", "region */us-east"),
        ("solo", "region b.test/solo"),
        ("a.test/us-east", "region a.test/us-east"),
        ("region */us-east", "region */us-east"),
    ],
)
def test_a_region_that_zones_share_is_meant_in_all_of_them(shared: NodeStatus, typed: str, scope: str) -> None:
    assert str(find_scope(typed, shared)) == scope


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("us-east", '"region */us-east", "region a.test/us-east", "region b.test/us-east", "region c.test/us-east"'),
        ("eu-west", '"region */eu-west", "service eu-west.c.test"'),
        ("api", '"service api.a.test", "service api.b.test"'),
    ],
)
def test_what_could_be_several_things_is_refused_with_all_of_them(sharing: NodeStatus, typed: str, words: str) -> None:
    """A zone's own region of that name is another place; and a service may be called as a region is."""
    with pytest.raises(ValueError, match="could mean") as refused:
        find_scope(typed, sharing)
    assert str(refused.value) == f'"{typed}" could mean {words}; say which'


def test_a_node_that_does_not_tell_what_zones_share_has_each_region_named(shared: NodeStatus) -> None:
    """As the version before."""
    before = replace(shared, zones=tuple(replace(view, shared_regions=()) for view in shared.zones))
    with pytest.raises(ValueError, match=r'could mean "region \*/us-east", "region a.test/us-east"'):
        find_scope("us-east", before)


@pytest.mark.parametrize(
    ("said", "cleared"),
    [
        (["region */us-east"], "region */us-east"),
        (["region a.test/us-east"], "region a.test/us-east"),
        (["region */us-east", "region a.test/us-east"], "region */us-east"),
        (["region a.test/us-east", "region b.test/us-east"], ""),
        (["region a.test/us-east", "service us-east.a.test"], ""),
    ],
)
def test_what_is_cleared_by_a_short_name_is_what_was_said_by_it(
    shared: NodeStatus, said: list[str], cleared: str
) -> None:
    view = OverrideView("ns1:1", NodeName("ns1"), "", "drain", "ann", "switches", 0.0, 1.0, ())
    node = replace(shared, overrides=tuple(replace(view, scope=scope) for scope in said))
    if cleared:
        assert str(find_said("us-east", node)) == cleared
        return
    with pytest.raises(ValueError, match="could mean") as refused:
        find_said("us-east", node)
    names = ", ".join(f'"{scope}"' for scope in said)
    assert str(refused.value) == f'"us-east" could mean {names}; say which'
