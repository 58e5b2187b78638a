from gtm.health.verdict.reading import Reading, Reason
from gtm.metrics.measurements import Tallies
from gtm.zone.model import PLAIN_HTTP
from tests.fakes.checks import check_of


def test_every_measure_is_a_family_of_its_own() -> None:
    names = [family.metric.prometheus for family in Tallies().families()]
    assert len(set(names)) == len(names)
    assert names[:2] == ["gtm_probe_duration_seconds", "gtm_endpoint_certificate_expiry_timestamp_seconds"]


def test_two_nodes_in_one_process_measure_apart() -> None:
    one, other = Tallies(), Tallies()
    one.durations.take(check_of(PLAIN_HTTP), Reading(Reason.OK, 0.1))
    assert one.durations.family().points
    assert not other.durations.family().points
