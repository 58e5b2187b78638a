"""What an honest mesh gives is within the bounds, however its zones grow; and the bounds are no larger than need be."""

import pytest

from gtm.health.belief import Belief
from gtm.health.report.bounds import MAX_ENVELOPE_BYTES, MAX_OFFER_BYTES, Bounds, bounds_for
from gtm.health.report.envelope import compose_offer, seal
from gtm.health.report.report import Report
from gtm.health.report.signature import PrivateKey
from gtm.health.verdict.reading import MAX_DETAIL_LENGTH, Reason
from gtm.ids import CheckId
from gtm.node.overrides.acceptance import MAX_CARRIED_CHARACTERS
from tests.fakes.peers import key_of
from tests.health.examples import report, vote

KEY: PrivateKey = key_of("fra")
LONG_NAME = "gtm.a-rather-long-name.example.com/a-monitor-with-a-long-name"
OVERRIDE = '{"payload":"{\\"version\\":1,\\"why\\":\\"' + "x" * 400 + '\\"}","key":"","signature":""}'


def reporting(checks: int, *, serial: int = 1, overrides: int = 0, detail: str = "x" * MAX_DETAIL_LENGTH) -> Report:
    """A report with details as long as they can be, of endpoints with long names."""
    cast = {
        CheckId(f"{LONG_NAME}/{number}/2001:db8::{number:x}"): vote(
            Belief.DOWN if serial == 1 or number % 6 else Belief.UP,
            reason=Reason.CERT_SELF_SIGNED,
            detail=detail,
            age_s=1234.567,
        )
        for number in range(checks)
    }
    one = report("fra", cast, serial=serial)
    return Report(
        one.node, one.vantage, one.epoch, serial, one.made_at, one.votes, tuple([OVERRIDE] * overrides), one.at
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        pytest.param(0, 0, id="no zones yet"),
        pytest.param(4_000, 0, id="this node reads its first zones after its peers did"),
        pytest.param(4_000, 2_000, id="zones double"),
        pytest.param(8_000, 2_000, id="zones grow to four times"),
    ],
)
@pytest.mark.slow
def test_the_longest_honest_report_is_within_the_bounds(theirs: int, ours: int) -> None:
    many = MAX_CARRIED_CHARACTERS // len(OVERRIDE)
    first = seal(reporting(theirs, overrides=many), KEY)
    then = seal(reporting(theirs, serial=2, overrides=many), KEY, last=first.base)
    assert len(then.full) > len(first.full), "the worst that there is: a delta and its base"
    bounds = bounds_for(ours, nodes=3)
    assert len(then.full) < bounds.envelope
    assert len(compose_offer([then.full] * 3)) < bounds.offer


def test_a_small_mesh_reads_a_few_megabytes_of_anybody() -> None:
    bounds = bounds_for(0, nodes=3)
    assert bounds.envelope < 4_000_000
    assert bounds.offer < 12_000_000


def test_bounds_grow_with_zones_and_peers_up_to_a_limit() -> None:
    sizes = [bounds_for(checks, nodes=nodes) for nodes, checks in ((2, 0), (2, 2_000), (4, 2_000), (100, 20_000))]
    assert [size.offer for size in sizes] == sorted({size.offer for size in sizes})
    assert sizes[-1] == Bounds() == Bounds(MAX_ENVELOPE_BYTES, MAX_OFFER_BYTES)
