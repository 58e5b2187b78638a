"""The incidents of the afternoon: what happens, what is dead then, and what a person on call must be able to read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.afternoon import acts
from tests.afternoon.places import AP_SOUTHEAST, CLIENTS, ENDPOINTS, EU_WEST, NOWHERE, SA_EAST, US_EAST
from tests.afternoon.stage import Stage
from tests.afternoon.telling import Way

Act = Callable[[Stage], None]
Dead = Mapping[str, tuple[str, ...]]
"""By client: what does not serve it."""

LOG, EVENT, ALERT = Way.LOG, Way.EVENT, Way.ALERT


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong, and is put right again."""

    name: str
    act: Act
    over: Act
    about: str
    """An expression: what the first warning and the first alert must name, for nobody is to look elsewhere first."""
    says: Mapping[Way, str]
    """By each way, an expression: the message that tells of it, with its level, type of event or name of alert."""
    dead: Dead = field(default_factory=dict)
    before: Act = acts.nothing
    """What is set up for it while all is well."""
    lasts_s: float = 2.5
    """At least."""
    most_share: float = 0.25
    """Of one endpoint, in the answers: what the death of one region brings about."""


def for_everybody(*addresses: str) -> Dead:
    """Returns that addresses are dead for every client."""
    return dict.fromkeys(CLIENTS, addresses)


def of_region(region: str) -> str:
    """Returns an expression for a region and its endpoints."""
    return "|".join((region, *ENDPOINTS[region])).replace(".", r"\.")


def region_down(region: str, reason: str) -> Mapping[Way, str]:
    """Returns what tells of the death of a region; where regions die one after the other, not each has a WARNING."""
    address = "|".join(ENDPOINTS[region])
    return {
        LOG: rf"WARNING api\.\w+\.test: region {region} is down \(2 of 2 endpoints: {reason}.*\); its clients get "
        rf"|INFO check \S+/({address}): UP -> DOWN \(\d of \d voices: {reason}",
        EVENT: rf"gtm\.region\.down \S*{region}: ",
        ALERT: rf"critical GtmRegionDown: .*{region}",
    }


SUSPECT = (
    r"safety rule correlated_failure: (all|\d of) 8 checks of 4 regions of api\.gtm\.test failed within \d s, "
    r"all HTTP 404.*: suspect the check"
)

INCIDENTS = (
    Incident(
        "an endpoint flaps",
        acts.flapping,
        acts.flapping_over,
        of_region(SA_EAST),
        {
            LOG: r"WARNING check \S+/10\.73\.0\.5[12] flaps",
            EVENT: r"gtm\.endpoint\.flapping \S+/10\.73\.0\.5[12]",
            ALERT: r"warning GtmFlapping: \S+/10\.73\.0\.5[12]",
        },
        before=acts.damp,
    ),
    Incident(
        "a region dies",
        acts.region,
        acts.region_over,
        of_region(EU_WEST),
        region_down(EU_WEST, "timeout"),
        for_everybody(*ENDPOINTS[EU_WEST]),
    ),
    Incident(
        "half a region dies",
        acts.half,
        acts.half_over,
        of_region(US_EAST),
        {
            LOG: r"check \S+/10\.73\.0\.22: UP -> DOWN",
            EVENT: r"gtm\.endpoint\.(down|flapping) \S+/10\.73\.0\.22",  # by what it did in earlier incidents
            ALERT: r"warning GtmEndpointDown: us-east/10\.73\.0\.22 of api",
        },
        for_everybody(ENDPOINTS[US_EAST][1]),
    ),
    Incident(
        "a probe is killed",
        acts.probe,
        acts.probe_over,
        "iad-1",
        {
            LOG: r"WARNING peer iad-1 lost",
            EVENT: r"gtm\.probe\.silent iad-1",
            ALERT: r"warning GtmProbeSilent: .*iad-1",
        },
    ),
    Incident(
        "a cut: Europe does not reach a region",
        acts.cut,
        acts.cut_over,
        of_region(EU_WEST),
        {LOG: r"10\.73\.0\.3[12]: DOWN as seen from fra", EVENT: r"gtm\.endpoint\.local \S+/10\.73\.0\.3[12]"},
        {EU_WEST: ENDPOINTS[EU_WEST]},
    ),
    Incident(
        "a DNS node hears nobody",
        acts.blind,
        acts.blind_over,
        # that each probe is silent comes first only where two minutes take a second
        r"ns1|^warning GtmProbeSilent: ",
        {
            LOG: r"ns1 WARNING .*quorum",
            EVENT: r"gtm\.quorum\.lost ns1",
            ALERT: r"critical GtmStatusStale: ns1 hears no",
        },
    ),
    Incident(
        "a DNS node is killed",
        acts.node,
        acts.node_over,
        "ns2",
        {LOG: r"WARNING peer ns2 lost", ALERT: r"critical GtmNodeGone: ns2"},
    ),
    Incident(
        "a full disk, and half a region dies",
        acts.full_disk,
        acts.full_disk_over,
        rf"ns1|{of_region(US_EAST)}",
        {
            LOG: r"ns1 ERROR .*No space left on device",  # an event may find no room itself
            ALERT: r"warning GtmState\w+: .*ns1",
        },
        for_everybody(ENDPOINTS[US_EAST][1]),
    ),
    Incident(
        "two clocks",
        acts.two_clocks,
        acts.two_clocks_over,
        # an alert on each peer comes first only where a minute takes half a second: ns1 waits for all of them
        r"this node's (clock|now)|clock of (peer )?ns1|^warning GtmPeerClockOff: ",
        {
            LOG: r"ns1 WARNING this node's clock is 30\d s ahead",
            ALERT: r"warning GtmNodeClockOff: The clock of ns1 is 30\d s ahead",
        },
    ),
    Incident(
        "a broken push",
        acts.broken_push,
        acts.push_over,
        "zones/|Zone files",
        {
            LOG: r"ERROR .*yaml:\d+:\d+: unknown region \"eu-wst\"",
            EVENT: r"gtm\.config\.rejected .*eu-wst",
            ALERT: r"warning GtmConfigRejected",
        },
    ),
    Incident(
        "a valid but wrong push",
        acts.wrong_push,
        acts.push_over,
        of_region(EU_WEST),
        {
            LOG: r"added endpoint api\.\w+\.test eu-west/10\.73\.0\.98",
            EVENT: r"gtm\.config\.applied .*added endpoint api\.\w+\.test eu-west/10\.73\.0\.98",
            ALERT: r"info GtmConfigChanged: .*gtm\.test changed",
        },
        for_everybody(*NOWHERE),
    ),
    Incident(
        "an expired certificate",
        acts.expired,
        acts.expired_over,
        of_region(AP_SOUTHEAST),
        region_down(AP_SOUTHEAST, "cert_expired"),
        for_everybody(*ENDPOINTS[AP_SOUTHEAST]),
    ),
    Incident(
        "a region is slow",
        acts.slow,
        acts.slow_over,
        of_region(US_EAST),
        region_down(US_EAST, "timeout"),
        for_everybody(*ENDPOINTS[US_EAST]),
    ),
    Incident(
        "200 with an error in the body",
        acts.error_body,
        acts.error_body_over,
        of_region(AP_SOUTHEAST),
        region_down(AP_SOUTHEAST, "body"),
        for_everybody(*ENDPOINTS[AP_SOUTHEAST]),
    ),
    Incident(
        "the health path is renamed everywhere",
        acts.renamed,
        acts.renamed_over,
        # until more than half of the checks failed, the budget alone holds what waits
        "suspect the check|waits to be taken out",
        {
            LOG: rf"WARNING {SUSPECT}",
            EVENT: rf"gtm\.safety\.blocked service api\.gtm\.test: {SUSPECT}",
            ALERT: r"critical GtmCheckSuspect: ",
        },
    ),
    Incident(
        "a drain while another region dies",
        acts.drain_in_death,
        acts.drain_in_death_over,
        rf"{of_region(EU_WEST)}|{US_EAST}",
        region_down(EU_WEST, "timeout"),
        for_everybody(*ENDPOINTS[EU_WEST]),
        most_share=0.375,
    ),
)
