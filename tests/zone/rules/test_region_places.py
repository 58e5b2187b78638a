"""Warnings about where regions are."""

import pytest

from gtm.steer.vocabulary import STEERING
from gtm.zone.parse import NO_SHARED, Shared, parse, parse_shared

TAIL = (
    "steered by nearest, the clients of one place go to one of them, those of another to another; "
    "write `at` where they differ, or a `bias` to prefer one"
)
AUTO = ", unless the geo data knows where their endpoints are"


def warnings(regions: str, *, steer: str = "nearest", shared: Shared = NO_SHARED, used: str = "abc") -> list[str]:
    """Returns the warnings of a zone with these regions, as line, column and text."""
    endpoints = "\n".join(
        f"      - {{region: {name}, address: 192.0.2.{number}}}" for number, name in enumerate(used, 1)
    )
    text = (
        "zone: z.test\nnameservers: [ns.example.net]\nhostmaster: h@example.com\nregions:\n"
        f"{regions}\nservices:\n  api:\n    steer: {steer}\n    endpoints:\n{endpoints}\n"
    )
    zone = parse(text, "z.yaml", shared, STEERING)
    return [f"{warning.line}:{warning.column}: {warning.message}" for warning in zone.warnings]


@pytest.mark.parametrize(
    ("second", "unless"),
    [
        ("  a: {at: [38.95, -77.45]}\n  b: {at: [38.95, -77.45], country: US}", ""),
        ("  a: {country: DE}\n  b: {country: DE}", AUTO),
        ("  a: {country: GB}\n  b: {country: UK, continent: EU}", AUTO),
        ("  a: {continent: EU}\n  b: {continent: EU}", AUTO),
        ("  a: {at: [1, 2], bias: 5}\n  b: {at: [1, 2], bias: 5}", ""),
    ],
)
def test_two_regions_at_one_point_are_told_once(second: str, unless: str) -> None:
    regions = f"{second}\n  c: {{at: [53.35, -6.26]}}"
    assert warnings(regions) == [f'6:3: the regions "a" and "b" are at one point{unless}: {TAIL}']


@pytest.mark.parametrize(
    "second",
    [
        "  a: {at: [38.95, -77.45]}\n  b: {at: [38.96, -77.45]}",
        "  a: {at: [38.95, -77.45]}\n  b: {at: [38.95, -77.45], bias: 1}",
        "  a: {country: DE}\n  b: {country: FR}",
        "  a: {country: DE}\n  b: {at: [52.5, 13.4], country: DE}",
        "  a: {}\n  b: {}",
    ],
)
def test_regions_that_nearest_tells_apart_or_knows_no_place_of_are_not_told(second: str) -> None:
    assert warnings(f"{second}\n  c: {{at: [53.35, -6.26]}}") == []


@pytest.mark.parametrize("steer", ["weighted", "failover", "[up, priority, weight]"])
def test_a_service_that_does_not_go_by_distance_has_nothing_to_tell(steer: str) -> None:
    regions = "  a: {country: DE}\n  b: {country: DE}\n  c: {country: QQ}"
    assert warnings(regions, steer=steer) == []
    assert len(warnings(regions, steer="[up, nearest, weight]")) == 2


def test_only_regions_of_one_service_are_together() -> None:
    assert warnings("  a: {country: DE}\n  b: {country: DE}\n  c: {country: FR}", used="ac") == []


def test_many_regions_at_one_point_are_one_warning() -> None:
    names = "abcdefgh"
    regions = "\n".join(f"  {name}: {{at: [1, 2]}}" for name in names)
    (told,) = warnings(regions, used=names)
    assert told == f'12:3: the regions "a", "b", "c", "d", "e" and 3 more are at one point: {TAIL}'


def test_regions_of_the_shared_file_are_told_at_the_service() -> None:
    shared = parse_shared("regions:\n  a: {at: [1, 2]}\n  b: {at: [1, 2]}\n", "_shared.yaml")
    assert warnings("  c: {country: FR}", shared=shared) == [
        f'7:3: the regions "a" and "b" are at one point: {TAIL}',
    ]


@pytest.mark.parametrize("country", ["QQ", "ZZ"])
def test_a_country_that_is_none_is_told(country: str) -> None:
    words = f'the country "{country}" is none of ISO 3166-1, and does not tell where this region is'
    regions = "  a: {at: [1, 2]}\n  b: {at: [3, 4]}\n"
    assert warnings(f"{regions}  c: {{country: {country}}}") == [f"7:3: {words}"]
    assert warnings(f"{regions}  c: {{country: {country}, at: [5, 6]}}") == []


@pytest.mark.parametrize("country", ["UK", "EU", "DE"])
def test_a_code_that_tells_a_country_or_a_continent_is_not(country: str) -> None:
    assert warnings(f"  a: {{at: [1, 2]}}\n  b: {{at: [3, 4]}}\n  c: {{country: {country}}}") == []
