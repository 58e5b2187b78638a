"""What a zone may ask of whoever makes its plan."""

import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, parse
from gtm.zone.references import MAX_FILTERS
from gtm.zone.rules.sizes import MAX_REGION_SETS
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """\
zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions:
"""


def zone(services: int, steer: str, *, regions: int) -> Zone:
    """A zone whose services have two regions each, no two the same ones."""
    pairs = [(low, high) for low in range(regions) for high in range(low)][:services]
    assert len(pairs) == services
    text = HEAD + "".join(f"  r{number}: {{}}\n" for number in range(regions)) + "services:\n"
    for number, pair in enumerate(pairs):
        ends = ", ".join(f"{{region: r{region}, address: 192.0.2.{region + 1}}}" for region in pair)
        text += f"  s{number}: {{steer: {steer}, endpoints: [{ends}]}}\n"
    return parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)


def test_services_that_look_at_the_place_share_their_sets_of_regions() -> None:
    assert len(zone(MAX_REGION_SETS, "nearest", regions=20).services) == MAX_REGION_SETS
    with pytest.raises(ZoneInvalid, match=f"more than {MAX_REGION_SETS} different sets of regions"):
        zone(MAX_REGION_SETS + 1, "nearest", regions=20)


def test_others_do_not_count() -> None:
    assert len(zone(150, "weighted", regions=20).services) == 150


def test_services_of_one_region_do_not_count() -> None:
    text = HEAD + "".join(f"  r{number}: {{}}\n" for number in range(100)) + "services:\n"
    text += "".join(
        f"  s{number}: {{steer: nearest, endpoints: [{{region: r{number}, address: 192.0.2.1}}]}}\n"
        for number in range(100)
    )
    assert len(parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY).services) == 100


def test_a_chain_has_few_filters() -> None:
    assert zone(1, f"[{', '.join(['up'] * MAX_FILTERS)}]", regions=3).services
    with pytest.raises(ZoneInvalid, match=f"a chain of {MAX_FILTERS + 1} filters; {MAX_FILTERS} is the limit"):
        zone(1, f"[{', '.join(['up'] * (MAX_FILTERS + 1))}]", regions=3)
